import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeClient, openConnection, type KubeClientOptions } from '@flotilla/kube-client';
import type { KubeApi } from '@flotilla/kube-port';
import { pause } from '@flotilla/std';
import { build, startApiServer, stopCluster, type RunningApi } from '@flotilla/tool-cluster';

/** A real API server, without nodes, that one test has to itself. */
export interface TestApiServer {
  readonly running: RunningApi;
  /** A client that may do everything. */
  readonly admin: KubeApi;
  /** The path of a kubeconfig that impersonates a user, or connects to another URL. */
  kubeconfig(change: { readonly user?: string; readonly server?: string }): string;
  close(): Promise<void>;
}

export async function openApiServer(): Promise<TestApiServer> {
  build('api', () => {});
  const parent = mkdtempSync(join(tmpdir(), 'flotilla-api-'));
  const folder = join(parent, 'state');
  const running = await startApiServer(folder);
  return {
    running,
    admin: await openApi(running.kubeconfig),
    kubeconfig({ user, server }) {
      const config = JSON.parse(readFileSync(running.kubeconfig, 'utf8'));
      if (user !== undefined) config.users[0].user['as'] = user;
      if (server !== undefined) config.clusters[0].cluster.server = server;
      const file = join(folder, `kubeconfig-${user ?? 'proxy'}`);
      writeFileSync(file, JSON.stringify(config));
      return file;
    },
    async close() {
      await stopCluster(folder);
      rmSync(parent, { recursive: true, force: true });
    },
  };
}

/** A client with shorter pauses than a service's. */
export const openApi = async (kubeconfig: string, options: Partial<KubeClientOptions> = {}): Promise<KubeApi> =>
  createKubeClient({
    connection: await openConnection({ kubeconfig }),
    firstPauseMs: 20,
    mostPauseMs: 200,
    missingKindMs: 50,
    ...options,
  });

/** Resolves when the condition holds; it is checked again and again. */
export async function becomes(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20);
}
