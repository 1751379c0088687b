import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createNatsBus } from '@flotilla/bus-nats';
import type { Logger } from '@flotilla/observability-port';
import { createCertificateSource } from '@flotilla/pki';
import { controlPlaneIdentity } from '@flotilla/rules';
import { createTestCa } from '@flotilla/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { createNatsServer } from './nats-server.ts';
import type { Checks } from './watch-server.ts';

const program = process.env['NATS_SERVER_BIN'] ?? join(import.meta.dirname, '../../../../.cache/bin/nats-server');
const controlPlane = { trustDomain: 'cluster.local', systemNamespace: 'istio-system' };
const ca = createTestCa();
const certificateOf = (service: string) =>
  ca.issue({ uris: [controlPlaneIdentity(controlPlane, service)], dns: ['localhost'] });

/** A log that can be waited for. */
function createLog() {
  const lines: string[] = [];
  let wake = (): void => {};
  const write = (message: string, fields: object = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
    wake();
  };
  const log: Logger = { debug: () => {}, info: write, warn: write, error: write, scope: () => log, with: () => log };
  const said = async (text: string): Promise<void> => {
    while (!lines.some((line) => line.includes(text))) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { log, lines, said };
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(checks?: Checks) {
  const dir = mkdtempSync(join(tmpdir(), 'nats-app-'));
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as AddressInfo;
  reserved.close();
  const source = createCertificateSource();
  const [storeDir, runDir] = [join(dir, 'store'), join(dir, 'run')];
  const { log, lines, said } = createLog();
  let received = (): void => {};
  const first = new Promise<void>((resolve) => (received = resolve));
  const server = createNatsServer({
    bind: '127.0.0.1',
    natsPort: port,
    natsServerBin: program,
    storeDir,
    runDir,
    revision: 'default',
    controlPlane,
    certificate: { ...source, first },
    log,
    ...(checks ? { checks } : {}),
  });
  const stop = new AbortController();
  let starts = 0;
  const ended = server.runner.run(stop.signal, () => (starts += 1));
  ended.catch(() => {});
  ends.push(async () => {
    stop.abort();
    await ended.catch(() => {});
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    port,
    storeDir,
    runDir,
    lines,
    said,
    server,
    stop,
    ended,
    starts: () => starts,
    renew(): ReturnType<typeof certificateOf> {
      const certificate = certificateOf('nats');
      source.set(certificate);
      received();
      return certificate;
    },
    /** The process id of nats-server. */
    pid(): number {
      const isIt = (name: string): boolean => {
        try {
          return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(join(runDir, 'nats.conf'));
        } catch {
          return false;
        }
      };
      return Number(readdirSync('/proc').find((name) => /^\d+$/.test(name) && isIt(name)));
    },
  };
}

/** The certificate that the server shows on a port, in PEM. */
async function shown(port: number): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'data');
  const { key, cert } = certificateOf('galley');
  const secure = connectTls({ socket, ca: ca.roots, key, cert, servername: 'localhost' });
  await once(secure, 'secureConnect');
  const text = secure.getPeerX509Certificate()?.toString() ?? '';
  secure.destroy();
  return text;
}

describe('nats-server as a child', () => {
  it('waits for its certificate, then lets the services in', async () => {
    const { server, renew, port, starts } = await start();
    const { key, cert } = certificateOf('galley');
    renew();
    await server.ready;
    expect(starts()).toBe(1);
    const bus = await createNatsBus({
      servers: [`localhost:${port}`],
      tls: { ca: ca.roots, key, cert },
      user: 'galley',
      revision: 'default',
      role: 'publisher',
    });
    await bus.close();
  });

  it('keeps its key out of the folder of streams and out of the log', async () => {
    const { server, renew, runDir, storeDir, lines } = await start();
    const { key } = renew();
    await server.ready;
    expect(statSync(join(runDir, 'key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(storeDir, { recursive: true }).filter((name) => String(name).endsWith('.pem'))).toEqual([]);
    const secret = key.split('\n')[1] ?? expect.fail('the key is empty');
    expect(lines.filter((line) => line.includes(secret))).toEqual([]);
  });

  it('shows a renewed certificate without a restart', async () => {
    const { server, renew, said, port, pid } = await start();
    const { cert } = renew();
    await server.ready;
    expect((await shown(port)).trim()).toBe(cert.trim());
    const before = pid();
    const renewed = renew();
    await said('Reloaded: tls');
    expect((await shown(port)).trim()).toBe(renewed.cert.trim());
    expect(pid()).toBe(before);
  });

  it('is reported when it ends', async () => {
    const { server, renew, pid, ended } = await start();
    renew();
    await server.ready;
    process.kill(pid(), 'SIGKILL');
    await expect(ended).rejects.toThrow('nats-server ended (SIGKILL)');
  });

  it('is ended when it does not answer', async () => {
    const { server, renew, pid, ended } = await start({ everyMs: 10, withinMs: 100, misses: 2 });
    renew();
    await server.ready;
    process.kill(pid(), 'SIGSTOP');
    await expect(ended).rejects.toThrow('nats-server does not answer: no answer within 0.1 s');
    expect(pid()).toBeNaN();
  });

  it('does not log the connections of its checks', async () => {
    // The server refuses connections for a moment before its process ends: that is not what this is about.
    const { server, renew, lines, pid, ended } = await start({ everyMs: 1, withinMs: 1000, misses: 100_000 });
    renew();
    await server.ready;
    // Long enough for many checks: a second server starts meanwhile.
    const second = await start();
    second.renew();
    await second.server.ready;
    process.kill(pid(), 'SIGTERM');
    await expect(ended).rejects.toThrow('nats-server ended');
    // The server may close a connection of a check when it stops, before the check knows its own port.
    const isOfStop = (line: string): boolean => line.includes('use of closed network connection');
    expect(lines.filter((line) => line.includes('TLS handshake error') && !isOfStop(line))).toEqual([]);
  });

  it('warns its clients before it stops', async () => {
    const { server, renew, said, stop, ended, port, pid } = await start();
    renew();
    await server.ready;
    const { key, cert } = certificateOf('galley');
    const bus = await createNatsBus({
      servers: [`localhost:${port}`],
      tls: { ca: ca.roots, key, cert },
      user: 'galley',
      revision: 'default',
      role: 'publisher',
    });
    stop.abort();
    await said('Entering lame duck mode');
    await ended;
    expect(pid()).toBeNaN();
    await bus.close();
  });
});
