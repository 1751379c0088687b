import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailure, findFailures, isInNode, startMesh, type Mesh, type Mode, type Pod } from '@flotilla/demo';

/** These tests need namespaces of their own: `npm test` runs them there; elsewhere they count as skipped. */
export const canRun = isInNode();

export interface Rig {
  readonly mesh: Mesh;
  close(): Promise<void>;
}

export async function openMesh(config: readonly string[], mode: Mode = 'fleet'): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-e2e-'));
  const mesh = await startMesh({ mode, config, folder, tell: (message) => console.error(message) });
  return {
    mesh,
    async close() {
      // What a retry hid from the client shows here: the first thing to look at when a run fails now and then.
      for (const failure of findFailures(mesh.proxies)) console.error(`failed request: ${describeFailure(failure)}`);
      await mesh.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const run = promisify(execFile);
const requestScript = `
const [method, url] = process.argv.slice(1);
const { request } = await import('node:http');
request(url, { method, agent: false, timeout: 5000 }, (response) => {
  let body = '';
  response.on('data', (chunk) => (body += chunk)).on('end', () => console.log(JSON.stringify({ status: response.statusCode, body })));
}).on('error', (error) => console.log(JSON.stringify({ status: 0, body: error.message }))).end();
`;

/** One HTTP request by the application of a pod, through its proxy; status 0 when there is no answer. */
export async function requestFrom(
  pod: Pod,
  url: string,
  method = 'GET',
): Promise<{ readonly status: number; readonly body: string }> {
  return JSON.parse(await inPod(pod, 1000, [requestScript, method, url])) as { status: number; body: string };
}

const burstScript = `
const [url, bursts, size, idleMs] = process.argv.slice(1);
const { get } = await import('node:http');
const one = () => new Promise((resolve) => get(url, { agent: false, timeout: 5000 }, (response) => response.resume().on('end', () => resolve(response.statusCode)))
  .on('error', (error) => resolve(error.message)));
const counts = {};
for (let burst = 0; burst < Number(bursts); burst += 1) {
  for (const status of await Promise.all(Array.from({ length: Number(size) }, one))) counts[status] = (counts[status] ?? 0) + 1;
  if (Number(idleMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(idleMs) + burst));
}
console.log(JSON.stringify(counts));
`;

/** `size` requests at once, `bursts` times. */
interface Bursts {
  readonly bursts: number;
  readonly size: number;
  readonly idleMs?: number;
}

/**
 * Bursts of requests at once, one burst after the other, by the application of a pod. Returns how often each status (or
 * error) came back. With `idleMs`, a pause of that many milliseconds between them, one longer each time: it finds
 * servers that close idle connections.
 */
export async function burstsFrom(
  pod: Pod,
  url: string,
  { bursts, size, idleMs = 0 }: Bursts,
): Promise<Record<string, number>> {
  const script = [burstScript, url, ...[bursts, size, idleMs].map(String)];
  return JSON.parse(await inPod(pod, 1000, script)) as Record<string, number>;
}

const http2Script = `
const url = new URL(process.argv[1]);
const { connect } = await import('node:http2');
const session = connect(url.origin);
session.on('error', (error) => { console.log(JSON.stringify({ status: 0, body: error.message })); process.exit(); });
const stream = session.request({ ':path': url.pathname });
let [status, body] = [0, ''];
stream.on('response', (headers) => (status = headers[':status'])).on('data', (chunk) => (body += chunk));
stream.on('close', () => { console.log(JSON.stringify({ status, body })); process.exit(); });
`;

/** The same over HTTP/2 without TLS, as gRPC speaks. */
export async function http2From(pod: Pod, url: string): Promise<{ readonly status: number; readonly body: string }> {
  return JSON.parse(await inPod(pod, 1000, [http2Script, url])) as { status: number; body: string };
}

/** Runs a script with arguments in a pod as one of its users; resolves with what it printed. */
async function inPod(pod: Pod, user: number, script: readonly string[]): Promise<string> {
  const [program = '', ...args] = [
    ...pod.sandbox.enter,
    'setpriv',
    `--reuid=${user}`,
    `--regid=${user}`,
    '--clear-groups',
    process.execPath,
    '--input-type=module',
    '-e',
    ...script,
  ];
  return (await run(program, args, { maxBuffer: 64 << 20 })).stdout;
}

/** What Envoy's admin interface of a pod says. */
export const adminOf = (pod: Pod, path: string): Promise<string> =>
  inPod(pod, 1337, [`const r = await fetch('http://127.0.0.1:15000${path}'); process.stdout.write(await r.text());`]);

/** Asks again until it is so; fails with what was last seen. */
const withinMs = 20_000;
export async function until<T>(what: string, read: () => Promise<T>, reached: (value: T) => boolean): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (reached(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s, last ${JSON.stringify(value)}`);
    await pause(100);
  }
}
