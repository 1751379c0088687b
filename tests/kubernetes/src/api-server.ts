import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubeClient, openConnection, type KubeClientOptions } from '@flotilla/kube-client';
import type { KubeApi } from '@flotilla/kube-port';
import { build, startApiServer, stopCluster, type RunningApi } from '@flotilla/tool-cluster';

/** A real API server of a test's own, without nodes. */
export interface TestApiServer {
  readonly running: RunningApi;
  /** Everything is allowed. */
  readonly admin: KubeApi;
  /** A kubeconfig for somebody else, or over another way. */
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

/** A client that waits less long than one of a service. */
export const openApi = async (kubeconfig: string, options: Partial<KubeClientOptions> = {}): Promise<KubeApi> =>
  createKubeClient({
    connection: await openConnection({ kubeconfig }),
    firstPauseMs: 20,
    mostPauseMs: 200,
    missingKindMs: 50,
    ...options,
  });

/** Resolves when something holds of the API server. */
export async function becomes(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
