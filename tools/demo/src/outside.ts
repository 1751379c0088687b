import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gatewaySocket } from './inside.ts';
import { nodeCommand, whyNoNode } from './node/enter.ts';
import type { DemoOptions } from './options.ts';

/** A mistake that the user can mend; ends the program with exit code 2. */
export class Unmet extends Error {}

/** Runs this program again within a node, and what has to be outside of it: the gateway's port, signals, cleaning up. Resolves with the exit code. */
export async function runOutside(options: DemoOptions, argv: readonly string[]): Promise<number> {
  const missing = options.config.find((path) => !existsSync(path));
  if (missing !== undefined) throw new Unmet(`--config ${missing}: there is no such file or folder`);
  const why = whyNoNode();
  if (why !== undefined) throw new Unmet(why);
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-demo-'));
  let forwarder: Server | undefined;
  try {
    if (options.keep) forwarder = await forwardGateway(options.port, join(folder, gatewaySocket));
    const [program = '', ...args] = nodeCommand([process.execPath, ...process.execArgv, ...argv]);
    // A process group of its own: Ctrl-C reaches it by way of this process alone.
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true, env: { ...process.env, FLOTILLA_DEMO_FOLDER: folder } });
    let asked = 0;
    const stop = (): void => {
      asked += 1;
      if (asked > 1 || !child.connected) child.kill('SIGKILL');
      else child.send('stop');
    };
    process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', stop);
    const [code] = await once(child, 'exit') as [number | null];
    if (code !== 0 && asked === 0) {
      process.stderr.write(`demo: what the services said is in ${join(folder, 'logs')}\n`);
      return code ?? 1;
    }
    rmSync(folder, { recursive: true, force: true });
    return code ?? 130;
  } finally {
    forwarder?.close();
  }
}

async function forwardGateway(port: number, socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    const inside = connect(socketPath);
    for (const [from, to] of [[socket, inside], [inside, socket]] as const) from.on('error', () => to.destroy()).pipe(to);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((thrown: NodeJS.ErrnoException) => {
    throw thrown.code === 'EADDRINUSE' ? new Unmet(`port ${port} of 127.0.0.1 is in use; stop what uses it or choose another with --port`) : thrown;
  });
  return server;
}
