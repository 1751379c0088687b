import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** The checkout: manifests are named relative to it. */
export const root = join(import.meta.dirname, '../../..');

export interface KubectlOptions {
  /** Standard input. */
  readonly input?: string;
  readonly signal?: AbortSignal;
}
/** Runs kubectl in the checkout and resolves with its standard output. Rejects with its standard error. */
export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<string>;

export const createKubectl =
  (kubeconfig: string): Kubectl =>
  (args, { input, signal } = {}) =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, KUBECONFIG: kubeconfig };
      const child = execFile(
        'kubectl',
        [...args],
        { cwd: root, env, maxBuffer: 64 << 20, ...(signal ? { signal } : {}) },
        (error, stdout, stderr) =>
          error ? reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`)) : resolve(stdout),
      );
      child.stdin?.end(input);
    });
