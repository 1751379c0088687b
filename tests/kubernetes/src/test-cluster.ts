import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openConnection } from '@flotilla/kube-client';
import { build, startCluster, stopCluster, type RunningCluster } from '@flotilla/tool-cluster';
import { createKubectl, root, type Kubectl } from './kubectl.ts';

/** A whole Kubernetes that one test file has to itself, with the images of this checkout. */
export interface TestCluster {
  /** Undefined for a cluster that was there before the test. */
  readonly running?: RunningCluster;
  readonly kubeconfig: string;
  readonly kubectl: Kubectl;
  /** GET of a path of the API server, which passes it on to a pod where the path says so. */
  get(path: string): Promise<string>;
  close(): Promise<void>;
}

/** Why no cluster can be started here; undefined where one can. */
export function whyNoCluster(): string | undefined {
  if (process.getuid?.() !== 0) return 'a cluster needs root';
  const { status, stderr } = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true'], {
    encoding: 'utf8',
  });
  if (status !== 0) return `a cluster needs namespaces of its own: ${stderr?.trim()}`;
  try {
    accessSync('/sys/fs/cgroup', constants.W_OK);
  } catch {
    return 'a cluster needs cgroups that can be written to';
  }
  return undefined;
}

/**
 * Starts a cluster. With `FLOTILLA_TEST_CLUSTER=FOLDER`, for writing tests, uses the cluster that `npm run cluster --
 * up` has started in that folder, and leaves it running.
 */
export async function openCluster(): Promise<TestCluster> {
  const present = process.env['FLOTILLA_TEST_CLUSTER'];
  if (present !== undefined) return { ...access(join(present, 'kubeconfig')), close: async () => {} };
  build('cluster', () => {});
  const parent = mkdtempSync(join(tmpdir(), 'flotilla-cluster-'));
  const folder = join(parent, 'state');
  const output = join(parent, 'images');
  const images = spawnSync('node', ['tools/images/src/main.ts', '--output', output], { cwd: root, encoding: 'utf8' });
  if (images.status !== 0) throw new Error(`npm run images: ${images.stderr}`);
  const running = await startCluster(folder);
  running.load(join(output, 'all.tar'));
  rmSync(output, { recursive: true });
  return {
    running,
    ...access(running.kubeconfig),
    async close() {
      await stopCluster(folder);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

const access = (kubeconfig: string): Pick<TestCluster, 'kubeconfig' | 'kubectl' | 'get'> => ({
  kubeconfig,
  kubectl: createKubectl(kubeconfig),
  get: (path) => get(kubeconfig, path),
});

async function get(kubeconfig: string, path: string): Promise<string> {
  const { server, options } = await openConnection({ kubeconfig });
  const given = await options();
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...given, agent: false, host: server.hostname, port: server.port, path, timeout: 15_000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (answer.statusCode === 200) resolve(text);
          else reject(new Error(`${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer within 15 s`)));
    sent.on('error', reject);
    sent.end();
  });
}
