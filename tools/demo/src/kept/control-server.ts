import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';

/** The socket of a mesh that goes on, in the folder of its run. */
export const controlSocket = 'control.sock';

/** A container, with what it takes to run another command beside it. */
export interface KeptContainer {
  readonly name: string;
  readonly isRunning: boolean;
  readonly restarts: number;
  /** A file of this machine. */
  readonly logFile: string;
  /** Command line that runs what follows it in the container, from within the node. */
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

/** Serves the pods of a mesh on a socket in its folder, as JSON, to the commands of its user. Returns how to end it. */
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
