import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '@flotilla/std';
import { createTemporaryFolder } from '@flotilla/testing/temporary-folder';
import { findManifests } from './cluster/manifests.ts';
import { gatewaySockets } from './inside.ts';
import { folderPrefix, nodeFile } from './kept/kept-mesh.ts';
import { nodeCommand, asNodeUsers, whyNoNode } from './node/enter.ts';
import type { DemoOptions } from './options.ts';
import { Unmet } from './unmet.ts';

/** How long the inside may take to stop. */
const stopWithinMs = 8000;
const sameAskMs = 1000;

/**
 * Runs this program again within a node, and what has to be outside of it: the gateway's port, signals, cleaning up.
 * Resolves with the exit code.
 */
export async function runOutside(options: DemoOptions, argv: readonly string[]): Promise<number> {
  for (const path of options.config) checkConfig(path);
  const why = whyNoNode();
  if (why !== undefined) throw new Unmet(why);
  // The users of pods own files there.
  const temporary = createTemporaryFolder(folderPrefix, asNodeUsers());
  const folder = temporary.path;
  const forwarders: Server[] = [];
  try {
    if (options.keep)
      for (const [port, socket] of [
        [options.port, gatewaySockets.http],
        [options.httpsPort, gatewaySockets.https],
      ] as const)
        forwarders.push(await forwardGateway(port, join(folder, socket)));
    const [program = '', ...args] = nodeCommand([process.execPath, ...process.execArgv, ...argv]);
    // A process group of its own: Ctrl-C reaches it by way of this process alone.
    const child = spawn(program, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', temporary.lifeline],
      detached: true,
      env: { ...process.env, FLOTILLA_DEMO_FOLDER: folder },
    });
    writeFileSync(join(folder, nodeFile), String(child.pid));
    let askedAt: number | undefined;
    const stop = (): void => {
      const now = Date.now();
      if (askedAt === undefined) setTimeout(() => child.kill('SIGKILL'), stopWithinMs).unref();
      askedAt ??= now;
      // One Ctrl-C may come as several signals: from the terminal, and from who hands it on.
      if (now - askedAt > sameAskMs || !child.connected) child.kill('SIGKILL');
      else child.send('stop');
    };
    process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
    const [code] = (await once(child, 'exit')) as [number | null];
    // A mistake in what was given is told already; the logs of services would add nothing.
    const isOfUse = code !== 0 && code !== 130 && code !== 3 && askedAt === undefined && hasLogs(folder);
    if (isOfUse) {
      temporary.keep();
      process.stderr.write(`demo: what the services said is in ${join(folder, 'logs')}\n`);
    }
    return code ?? (isOfUse ? 1 : 130);
  } finally {
    for (const forwarder of forwarders) forwarder.close();
  }
}

const hasLogs = (folder: string): boolean =>
  existsSync(join(folder, 'logs')) && readdirSync(join(folder, 'logs')).length > 0;

function checkConfig(path: string): void {
  try {
    findManifests(path);
  } catch (thrown) {
    throw new Unmet(`--config ${messageOf(thrown)}`);
  }
}

async function forwardGateway(port: number, socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    const inside = connect(socketPath);
    for (const [from, to] of [
      [socket, inside],
      [inside, socket],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'EADDRINUSE')
      throw new Unmet(
        `port ${port} of 127.0.0.1 is in use; stop what uses it or choose another with --port or --https-port`,
      );
    if (thrown.code === 'EACCES')
      throw new Unmet(
        `port ${port} of 127.0.0.1 needs rights that this user does not have; choose one from 1024 on with --port or --https-port`,
      );
    throw thrown;
  });
  return server;
}
