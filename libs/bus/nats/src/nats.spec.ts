import { spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Batch, Bus } from '@flotilla/bus-port';
import type { Collection } from '@flotilla/model';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { describeBus, testResource } from '@flotilla/testing';
import { createNatsBus } from './nats.ts';
import { buildServerConfig } from './server-config.ts';

const program = process.env['NATS_SERVER_BIN'] ?? join(import.meta.dirname, '../../../../.cache/bin/nats-server');
const wanted: Collection[] = ['service-entries'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A real nats-server with TLS and one user per service, its store in a folder of its own. */
async function startNats() {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-nats-'));
  const port = await freePort();
  const now = Date.now();
  const validity = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const rootKey = generateKey();
  const ca = buildRoot(rootKey, { organization: 'test', validity, serial: randomBytes(16) });
  const key = generateKey();
  const cert = buildCertificate({ publicKey: createPublicKey(key), validity, serial: randomBytes(16), dns: ['localhost'] }, { key: rootKey, certificate: new X509Certificate(ca) });
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const config = file('nats.conf', buildServerConfig({
    host: '127.0.0.1', port, storeDir: join(dir, 'store'), revision: 'default',
    users: [{ name: 'galley', password: 'p-"1', role: 'publisher' }, { name: 'pilot', password: 'p2', role: 'subscriber' }],
    tls: { certFile: file('cert.pem', cert), keyFile: file('key.pem', keyToPem(key)), caFile: file('ca.pem', ca) },
  }));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const started = spawn(program, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      // Read to its end: a program whose stderr is closed dies of its next line.
      started.stderr.on('data', (chunk: Buffer) => {
        said += String(chunk);
        if (said.includes('Server is ready')) resolve();
      });
      started.once('exit', () => reject(new Error(said)));
    });
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await start();
  const open = (user: 'galley' | 'pilot'): Promise<Bus> => {
    const as = user === 'galley' ? { password: 'p-"1', role: 'publisher' as const } : { password: 'p2', role: 'subscriber' as const };
    return createNatsBus({ servers: [`localhost:${port}`], tls: { ca }, user, revision: 'default', ...as });
  };
  const wipe = (): void => rmSync(join(dir, 'store'), { recursive: true, force: true });
  return { start, kill, open, wipe, end: async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  } };
}

describeBus('NATS JetStream', async () => {
  const server = await startNats();
  const [galley, pilot] = await Promise.all([server.open('galley'), server.open('pilot')]);
  return {
    publish: galley.publish, subscribe: pilot.subscribe, kill: server.kill, start: server.start,
    close: async () => {
      await Promise.all([galley.close(), pilot.close()]);
      await server.end();
    },
  };
}, { restartable: true });

/** `s1/2`: the second batch of session s1. */
const put = (at: string, values: Record<string, string>, complete: Collection[] = []): Batch => {
  const [session = '', seq] = at.split('/');
  return { session, seq: Number(seq), put: Object.entries(values).map(([name, host]) => ({ resource: testResource(name, host) })), delete: [], complete };
};

async function withServer(test: (server: Awaited<ReturnType<typeof startNats>>, open: (user: 'galley' | 'pilot') => Promise<Bus>) => Promise<void>): Promise<void> {
  const server = await startNats();
  const open: Bus[] = [];
  try {
    await test(server, async (user) => {
      const bus = await server.open(user);
      open.push(bus);
      return bus;
    });
  } finally {
    await Promise.all(open.map((bus) => bus.close()));
    await server.end();
  }
}
const reading = (bus: Bus) => bus.subscribe(wanted, new AbortController().signal)[Symbol.asyncIterator]();
const names = (batch: Batch): string[] => batch.put.map(({ resource }) => resource.meta.name);

it('a galley that begins anew finds what the one before it published', () => withServer(async (_, open) => {
  const first = await open('galley');
  await first.publish(put('s1/1', { a: '1', b: '1' }, wanted));
  const reader = reading(await open('pilot'));
  await reader.next();
  await first.close();
  const second = await open('galley');
  await second.publish(put('s2/1', { a: '1', c: '1' }, wanted));
  const { value } = await reader.next();
  expect([names(value as Batch), (value as Batch).delete]).toEqual([['c'], [{ collection: 'service-entries', key: 'shop/b' }]]);
}));

it('a server that comes back empty is filled again, and readers are told nothing twice', () => withServer(async (server, open) => {
  const galley = await open('galley');
  await galley.publish(put('s1/1', { a: '1', b: '1' }, wanted));
  const reader = reading(await open('pilot'));
  await reader.next();
  await server.kill();
  server.wipe();
  await server.start();
  await galley.publish(put('s1/2', { b: '2' }));
  expect(names((await reader.next()).value as Batch)).toEqual(['b']);
  const late = reading(await open('pilot'));
  expect(names((await late.next()).value as Batch).sort()).toEqual(['a', 'b']);
}));

it('the log is compacted: a late reader gets the state and not the history', () => withServer(async (_, open) => {
  const galley = await open('galley');
  const early = reading(await open('pilot'));
  await galley.publish(put('s1/1', { a: '0', gone: '1' }, wanted));
  await early.next();
  await galley.publish({ ...put('s1/2', {}), delete: [{ collection: 'service-entries', key: 'shop/gone' }] });
  for (let i = 3; i <= 40; i += 1) await galley.publish(put(`s1/${i}`, { a: `${i}${'x'.repeat(400_000)}` }));
  const late = reading(await open('pilot'));
  const state = new Map<string, string>();
  let values = 0;
  while (!state.get('a')?.startsWith('40')) {
    const batch = (await late.next()).value as Batch;
    for (const { resource } of batch.put) state.set(resource.meta.name, String((resource.spec as { hosts: string[] }).hosts[0]));
    values += batch.put.length + (batch.coalesced?.length ?? 0);
  }
  expect([[...state.keys()], values < 30]).toEqual([['a'], true]);
}));

it('a subscriber may not publish, whatever its code asks for', () => withServer(async (_, open) => {
  await expect((await open('pilot')).publish(put('s1/1', { a: '1' }))).rejects.toThrow('does not publish');
}));

it('a change is with its reader within milliseconds', () => withServer(async (_, open) => {
  const galley = await open('galley');
  const reader = reading(await open('pilot'));
  await galley.publish(put('s1/1', { a: '0' }, wanted));
  await reader.next();
  const took: number[] = [];
  for (let i = 2; i < 42; i += 1) {
    const begun = performance.now();
    const next = reader.next();
    await galley.publish(put(`s1/${i}`, { a: String(i) }));
    await next;
    took.push(performance.now() - begun);
  }
  expect(took.sort((a, b) => a - b)[20]).toBeLessThan(50);
}));
