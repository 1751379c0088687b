import { get } from 'node:http';
import { connect } from 'node:net';
import type { Container, PodObject, Probe } from '@flotilla/injector-template';

const timeoutMs = 1000;

/** One attempt of a container's readiness probe against the pod's address; a container without one is ready. Probes that run commands count as passed. */
export function isReady({ readinessProbe, ports = [] }: Container, ip: string): Promise<boolean> {
  const number = (port: number | string): number => (typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.containerPort ?? Number(port));
  if (readinessProbe?.httpGet) return httpGet({ ...readinessProbe.httpGet, port: number(readinessProbe.httpGet.port) }, ip);
  const port = readinessProbe?.tcpSocket?.port ?? readinessProbe?.grpc?.port;
  return port === undefined ? Promise.resolve(true) : tcp(ip, number(port));
}

const httpGet = ({ path = '/', port }: NonNullable<Probe['httpGet']> & { port: number }, host: string): Promise<boolean> => new Promise((resolve) => {
  const sent = get({ host, port, path, timeout: timeoutMs, agent: false }, (response) => {
    response.resume();
    resolve((response.statusCode ?? 500) >= 200 && (response.statusCode ?? 500) < 400);
  });
  sent.on('timeout', () => sent.destroy());
  sent.on('error', () => resolve(false));
});

const tcp = (host: string, port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = connect({ host, port, timeout: timeoutMs });
  const end = (result: boolean): void => {
    socket.destroy();
    resolve(result);
  };
  socket.on('connect', () => end(true)).on('error', () => end(false)).on('timeout', () => end(false));
});

/** Whether all of a pod's containers are ready. */
export async function areAllReady({ spec }: PodObject, ip: string): Promise<boolean> {
  const results = await Promise.all(spec.containers.map((container) => isReady(container, ip)));
  return results.every(Boolean);
}
