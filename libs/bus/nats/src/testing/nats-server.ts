import { spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@flotilla/bus-port';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import type { NatsBusOptions } from '../connection.ts';
import { createNatsBus } from '../nats.ts';
import { buildServerConfig } from '../server-config.ts';

const program = process.env['NATS_SERVER_BIN'] ?? join(import.meta.dirname, '../../../../../.cache/bin/nats-server');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** A real nats-server with TLS and one user per service, its store in a folder of its own. */
export async function startNats() {
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
  const optionsOf = (user: 'galley' | 'pilot'): NatsBusOptions => {
    const as = user === 'galley' ? { password: 'p-"1', role: 'publisher' as const } : { password: 'p2', role: 'subscriber' as const };
    return { servers: [`localhost:${port}`], tls: { ca }, user, revision: 'default', ...as };
  };
  const open = (user: 'galley' | 'pilot'): Promise<Bus> => createNatsBus(optionsOf(user));
  const wipe = (): void => rmSync(join(dir, 'store'), { recursive: true, force: true });
  return { start, kill, open, optionsOf, wipe, end: async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  } };
}
