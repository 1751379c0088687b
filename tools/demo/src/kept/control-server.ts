import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';

/** The socket of a mesh that is kept running, in the folder of its run. */
export const controlSocket = 'control.sock';

/** A container, with everything needed to run another command in it. */
export interface KeptContainer {
  readonly name: string;
  readonly isRunning: boolean;
  readonly restarts: number;
  /** A path on this machine. */
  readonly logFile: string;
  /** Command line, used within the node, that runs the command appended to it in the container. */
  readonly enter: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}
export interface KeptPod {
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  readonly isReady: boolean;
  readonly containers: readonly KeptContainer[];
}

/** Serves the pods of a mesh as JSON on a socket in its folder, for commands of the same user. The result ends it. */
export async function serveControl(cluster: Cluster, folder: string): Promise<() => void> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(podsOf(cluster)));
  }).listen(join(folder, controlSocket));
  await once(server, 'listening');
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

const podsOf = (cluster: Cluster): readonly KeptPod[] =>
  [...cluster.pods.values()].map(({ object, ip, isReady, sandbox, containers }) => ({
    namespace: object.metadata.namespace ?? 'default',
    name: object.metadata.name ?? '',
    ip,
    isReady,
    containers: containers.map(({ name, isRunning, restarts, logFile, env, user, group }) => ({
      name,
      isRunning,
      restarts,
      logFile,
      env,
      enter: [...sandbox.enter, 'setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups'],
    })),
  }));
