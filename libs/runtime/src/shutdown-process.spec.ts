import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function start(drain: string) {
  const port = await freePort();
  const fixture = join(import.meta.dirname, 'shutdown.fixture.ts');
  const flags = ['--monitoring-port', String(port), '--drain-duration', drain, '--log-format', 'json'];
  const child = spawn(process.execPath, [fixture, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  /** Resolves once a line of the log says so. */
  const logged = async (text: string): Promise<void> => {
    for (;;) {
      const { done, value } = await lines.next();
      if (done) throw new Error(`it ended without saying ${text}`);
      if (value.includes(text)) return;
    }
  };
  const status = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  return { child, exited, logged, status };
}

it('serves while it drains, is live and not ready, and a second signal ends it at once', async () => {
  const { child, exited, logged, status } = await start('1h');
  await logged('ready');
  expect(await status('/healthz/ready')).toBe(200);
  child.kill('SIGTERM');
  await logged('stopping');
  expect(await status('/healthz/ready')).toBe(503);
  expect(await status('/healthz/live')).toBe(200);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

it('ends with 0 when its drain is over', async () => {
  const { child, exited, logged } = await start('10ms');
  await logged('ready');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
