import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { buildServerConfig, fleetUsers } from '@flotilla/bus-nats';
import type { Logger } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import { controlPlaneIdentity, type ControlPlane } from '@flotilla/rules';
import { aborted, messageOf, pause, setting, type OptionsOf } from '@flotilla/std';
import { replaceFile } from '@flotilla/stored-file';
import { awaitGreeting } from './greeting.ts';
import { writeLogLine } from './log-line.ts';
import { watchServer, type Checks } from './watch-server.ts';

export const natsServerSettings = () => ({
  natsPort: setting.port('port for clients, over mTLS', 4222),
  natsServerBin: setting.text('path of the program nats-server', 'nats-server', { env: 'NATS_SERVER_BIN' }),
  storeDir: setting.path('folder of the streams, which outlives the process', '.cache/nats/store'),
  runDir: setting.path(
    "folder for nats-server's configuration, certificate and key: private, best in memory",
    '.cache/nats/run',
  ),
  revision: setting.text('revision of the control plane (istio.io/rev)', 'default', { env: 'REVISION' }),
});

export interface NatsServerOptions extends OptionsOf<ReturnType<typeof natsServerSettings>> {
  readonly bind: string;
  readonly controlPlane: ControlPlane;
  /** The server's certificate; `first` resolves once there is one. */
  readonly certificate: CertificateSource & { readonly first: Promise<void> };
  readonly log: Logger;
  readonly checks?: Checks;
}
export interface NatsServer {
  /** Resolves with the first answer. */
  readonly ready: Promise<void>;
  readonly runner: { readonly name: string; run(signal: AbortSignal, started: () => void): Promise<void> };
  /** How long stopping may take: clients are asked to leave first. */
  readonly stopWithinMs: number;
}

const defaultChecks: Checks = { everyMs: 2000, withinMs: 2000, misses: 3 };
const rememberedChecks = 8;
const lameDuckMs = 10_000;
const terminateMs = 5000;

/**
 * nats-server as a child process, with the certificate of this service and a user for each service of the fleet. It is
 * reloaded when the certificate is renewed, and ended after several missed answers in a row. When it has to stop, its
 * clients are warned and disconnected one after the other ("lame duck mode" in the documentation of NATS).
 */
export function createNatsServer(options: NatsServerOptions): NatsServer {
  const { bind, natsPort, natsServerBin, certificate, checks = defaultChecks } = options;
  const log = options.log.scope('nats-server');
  const address = { host: bind === '0.0.0.0' ? '127.0.0.1' : bind === '::' ? '::1' : bind, port: natsPort };
  /** Local ports of the last checks: log lines about their connections are left out. */
  const checkPorts = new Set<number>();
  const onConnect = (localPort: number): void => {
    checkPorts.delete(localPort);
    checkPorts.add(localPort);
    if (checkPorts.size > rememberedChecks) checkPorts.delete(checkPorts.values().next().value ?? localPort);
  };
  let answered = (): void => {};
  const ready = new Promise<void>((resolve) => (answered = resolve));

  async function run(signal: AbortSignal, started: () => void): Promise<void> {
    await Promise.race([certificate.first, aborted(signal)]);
    if (signal.aborted) return;
    const child = spawn(natsServerBin, ['-c', await writeFiles(options)], { stdio: ['ignore', 'ignore', 'pipe'] });
    createInterface({ input: child.stderr }).on('line', (line) => writeLogLine(log, line, checkPorts));
    const ended = new AbortController();
    const exit = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killedBy) => resolve(killedBy ?? `exit code ${code}`));
    }).finally(() => ended.abort());
    const ignoreChanges = certificate.onChange(() => {
      writeFiles(options).then(
        () => child.kill('SIGHUP'),
        (thrown: unknown) => log.error('the renewed certificate is not in use', { reason: messageOf(thrown) }),
      );
    });
    const watching = watchServer(child, {
      greet: () => awaitGreeting({ ...address, withinMs: checks.withinMs, onConnect }),
      checks,
      ended: ended.signal,
      stop: signal,
      onAnswer(isFirst) {
        if (isFirst) started();
        answered();
      },
    }).catch((thrown: unknown) => thrown);
    const stopping = stopWhen(signal, child, ended.signal);
    try {
      const how = await exit;
      if (!signal.aborted) throw (await watching) ?? new Error(`nats-server ended (${how})`);
    } finally {
      ignoreChanges();
      await stopping;
    }
  }

  return { ready, runner: { name: 'nats-server', run }, stopWithinMs: lameDuckMs + terminateMs + 1000 };
}

/** Stops the process once the signal aborts: lame duck mode first, then SIGTERM, then SIGKILL. */
async function stopWhen(signal: AbortSignal, child: ChildProcess, ended: AbortSignal): Promise<void> {
  await Promise.race([aborted(signal), aborted(ended)]);
  for (const [kill, ms] of [
    ['SIGUSR2', lameDuckMs],
    ['SIGTERM', terminateMs],
    ['SIGKILL', 0],
  ] as const) {
    if (ended.aborted) return;
    child.kill(kill);
    await pause(ms, ended);
  }
}

/** Writes nats-server's files for the current certificate, and returns the path of its configuration. */
async function writeFiles(options: NatsServerOptions): Promise<string> {
  const { bind, natsPort, storeDir, runDir, revision, controlPlane, certificate } = options;
  const current = certificate.current();
  if (!current) throw new Error('there is no certificate yet');
  const file = (name: string): string => join(runDir, name);
  const tls = { keyFile: file('key.pem'), certFile: file('cert.pem'), caFile: file('ca.pem') };
  const config = buildServerConfig({
    host: bind,
    port: natsPort,
    storeDir,
    revision,
    users: fleetUsers((service) => controlPlaneIdentity(controlPlane, service)),
    tls,
  });
  await replaceFile(tls.keyFile, { text: current.key, mode: 0o600 });
  await replaceFile(tls.certFile, { text: current.cert, mode: 0o600 });
  await replaceFile(tls.caFile, { text: current.roots, mode: 0o600 });
  await replaceFile(file('nats.conf'), { text: config, mode: 0o600 });
  return file('nats.conf');
}
