import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { err, ok, printable, readJsonObject } from '@flotilla/std';
import type { Result } from '@flotilla/std';
import { request } from './http.ts';

/** A kubelet probe of the application that the injector rewrote to go through the agent. */
export interface AppProbe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number;
    readonly scheme?: string;
    readonly host?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly tcpSocket?: { readonly port: number; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly timeoutSeconds?: number;
}
const pathPattern = /^\/app-health\/[^/]+\/(livez|readyz|startupz)$/;

/** Reads ISTIO_KUBE_APP_PROBERS: probes by path. */
export function parseAppProbes(text: string): Result<ReadonlyMap<string, AppProbe>> {
  if (text === '') return ok(new Map());
  const raw = readJsonObject(text);
  if (!raw.ok) return err(raw.error.message);
  const probes = new Map<string, AppProbe>();
  for (const [path, value] of Object.entries(raw.value)) {
    if (!pathPattern.test(path))
      return err(`invalid key, must be in form of regex pattern ${pathPattern.source}: ${printable(path)}`);
    const probe = value as Record<string, unknown> | null;
    const { port } = (probe?.['httpGet'] ?? probe?.['tcpSocket'] ?? probe?.['grpc'] ?? {}) as { port?: unknown };
    if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65535)
      return err(`invalid prober config for ${path}: expected a port number`);
    probes.set(path, probe as AppProbe);
  }
  return ok(probes);
}

export interface ProbeTarget {
  readonly podIp: string;
  /** Istio's passthrough address: what comes from it is not redirected into the proxy again. */
  readonly localAddress?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Runs a probe against the application; returns the status to give kubelet. */
export async function runAppProbe(probe: AppProbe, target: ProbeTarget): Promise<number> {
  const timeoutMs = Math.max(probe.timeoutSeconds ?? 1, 1) * 1000;
  try {
    if (probe.httpGet) return await httpProbe(probe.httpGet, { target, timeoutMs });
    if (probe.tcpSocket) return await tcpProbe(probe.tcpSocket.port, { target, timeoutMs });
    return probe.grpc ? await grpcProbe(probe.grpc, { target, timeoutMs }) : 500;
  } catch {
    return 500;
  }
}

interface At {
  readonly target: ProbeTarget;
  readonly timeoutMs: number;
}

async function httpProbe(get: NonNullable<AppProbe['httpGet']>, { target, timeoutMs }: At): Promise<number> {
  const configured = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]));
  const path = get.path ?? '/';
  const { status } = await request({
    host: target.podIp,
    port: get.port,
    path: path.startsWith('/') ? path : `/${path}`,
    tls: get.scheme === 'HTTPS',
    headers: { ...target.headers, connection: 'close', ...configured },
    ...(target.localAddress ? { localAddress: target.localAddress } : {}),
    timeoutMs,
    maxBytes: 1 << 20,
  });
  return status;
}

function tcpProbe(port: number, { target, timeoutMs }: At): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(
      { host: target.podIp, port, ...(target.localAddress ? { localAddress: target.localAddress } : {}) },
      () => {
        socket.destroy();
        resolve(200);
      },
    );
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('timed out')));
    socket.on('error', () => resolve(500));
  });
}

/** A HealthCheckResponse has 7 bytes; an application may send without end. */
const maxHealthAnswer = 1024;

/** grpc.health.v1.Health/Check: the request has one text field, the answer's first field is 1 when serving. */
function grpcProbe({ port, service = '' }: NonNullable<AppProbe['grpc']>, { target, timeoutMs }: At): Promise<number> {
  const name = Buffer.from(service).subarray(0, 127);
  const message = name.length > 0 ? Buffer.concat([Buffer.from([0x0a, name.length]), name]) : Buffer.alloc(0);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  return new Promise((resolve) => {
    const host = target.podIp.includes(':') ? `[${target.podIp}]` : target.podIp;
    const session = connectHttp2(`http://${host}:${port}`, {
      createConnection: () =>
        connect({ host: target.podIp, port, ...(target.localAddress ? { localAddress: target.localAddress } : {}) }),
    });
    const timer = setTimeout(() => done(500), timeoutMs);
    const done = (status: number): void => {
      clearTimeout(timer);
      session.destroy();
      resolve(status);
    };
    session.on('error', () => done(500));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'istio-probe/1.0',
    });
    let answer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length > maxHealthAnswer) done(500);
    });
    stream.on('error', () => done(500));
    stream.on('end', () => done(answer.subarray(5, 7).equals(Buffer.from([0x08, 1])) ? 200 : 500));
    stream.end(frame);
  });
}
