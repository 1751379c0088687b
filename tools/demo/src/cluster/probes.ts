import { get } from 'node:http';
import { connect } from 'node:net';
import type { Container as ContainerSpec, Probe } from '@flotilla/injector-template';

/** What a container's readiness depends on beside its probe. */
export interface RunningContainer {
  readonly isRunning: boolean;
  readonly restarts: number;
}

/** Kubernetes' defaults ("Configure Liveness, Readiness and Startup Probes"). */
const defaults = { failureThreshold: 3, timeoutSeconds: 1 };

/**
 * Makes a check of whether a container is ready, as kubelet decides it: each call probes the pod's address once. A
 * container becomes ready with one success, and stops being ready when it ends or when `failureThreshold` attempts in a
 * row have failed.
 */
export function createReadiness(spec: ContainerSpec, container: RunningContainer, ip: string): () => Promise<boolean> {
  const threshold = positiveOr(spec.readinessProbe?.failureThreshold, defaults.failureThreshold);
  let [isReady, failures, restarts] = [false, 0, container.restarts];
  return async () => {
    const isSuccess = await attempt(spec, ip);
    if (!container.isRunning || container.restarts !== restarts)
      [isReady, failures, restarts] = [false, 0, container.restarts];
    failures = isSuccess ? 0 : failures + 1;
    if (isSuccess) isReady = container.isRunning;
    else if (failures >= threshold) isReady = false;
    return isReady;
  };
}

const positiveOr = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && value > 0 ? value : otherwise;

/** A container without a probe passes, and so does a probe that runs a command. */
function attempt({ readinessProbe, ports = [] }: ContainerSpec, host: string): Promise<boolean> {
  const timeout = positiveOr(readinessProbe?.timeoutSeconds, defaults.timeoutSeconds) * 1000;
  const number = (port: number | string): number =>
    typeof port === 'number' ? port : (ports.find(({ name }) => name === port)?.containerPort ?? Number(port));
  if (readinessProbe?.httpGet) {
    return httpGet({
      host,
      timeout,
      port: number(readinessProbe.httpGet.port),
      path: readinessProbe.httpGet.path ?? '/',
    });
  }
  const port = readinessProbe?.tcpSocket?.port ?? readinessProbe?.grpc?.port;
  return port === undefined ? Promise.resolve(true) : tcp({ host, timeout, port: number(port) });
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly timeout: number;
}

const httpGet = (options: Address & Required<Pick<NonNullable<Probe['httpGet']>, 'path'>>): Promise<boolean> =>
  new Promise((resolve) => {
    const sent = get({ ...options, agent: false }, ({ statusCode = 500 }) => {
      sent.destroy();
      resolve(statusCode >= 200 && statusCode < 400);
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.on('close', () => resolve(false));
  });

const tcp = (options: Address): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(options);
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket
      .on('connect', () => end(true))
      .on('error', () => end(false))
      .on('timeout', () => end(false));
  });
