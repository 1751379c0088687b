import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { createGrpcBusClient, createGrpcBusServer, type GrpcBusClient } from '@flotilla/bus-grpc';
import { createNatsBus, type NatsBusOptions, type WriterElection } from '@flotilla/bus-nats';
import {
  createResumableSubscriber,
  type Bus,
  type Publisher,
  type ReportReceiver,
  type ReportSender,
  type Subscriber,
  type TakeReport,
} from '@flotilla/bus-port';
import { channelCredentials, expectIdentity, serverNamed } from '@flotilla/grpc';
import type { Logger, Metrics, Page } from '@flotilla/observability-port';
import { controlPlaneHost, controlPlaneIdentity, type ControlPlane } from '@flotilla/rules';
import { aborted, setting, systemClock, type OptionsOf } from '@flotilla/std';
import { createBusRole } from './bus-role.ts';
import { grpcRunner } from './grpc-runner.ts';
import { grpcLimits, grpcSettings, type Guard } from './server-settings.ts';
import type { Runner } from './runners.ts';
import type { ServiceCertificate } from './service-certificate.ts';
import { createWaiting } from './waiting.ts';

/** How a service reaches the bus. */
export const busSettings = (service: string) => ({
  bus: setting.choice('transport of configuration', ['grpc', 'nats'], { value: 'grpc' }),
  galley: setting.text("galley's address, for --bus grpc", '127.0.0.3:15019'),
  natsServer: setting.list('host:port of nats-server, for --bus nats', ['127.0.0.1:4222']),
  natsUser: setting.text("name of this service's inboxes at nats-server, and its user if it has a password", service),
  natsPasswordFile: setting.optionalPath(
    "file with that user's password, for a nats-server that does not map certificates to users",
  ),
  revision: setting.text('revision of the control plane (istio.io/rev)', 'default', { env: 'REVISION' }),
});
/** Where galley serves it. */
export const busServerSettings = () => ({
  grpcPort: setting.port('the bus over gRPC, mTLS, for --bus grpc (0: any)', 15_019),
  maxBusConnections: setting.count('connections at once on this port; one more closes the longest idle', 200),
  ...grpcSettings(),
});
export type BusOptions = OptionsOf<ReturnType<typeof busSettings>>;

export interface BusContext {
  readonly certificate: ServiceCertificate;
  readonly controlPlane: ControlPlane;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Connects to NATS as soon as there is a certificate; nats-server must prove to be `nats`. Rejects when `signal` aborts
 * before.
 */
async function connectNatsBus(
  options: BusOptions,
  role: Pick<NatsBusOptions, 'role' | 'onRole' | 'election'>,
  { certificate, controlPlane, log, signal }: BusContext,
): Promise<Bus> {
  await Promise.race([certificate.first, aborted(signal)]);
  const held = () => certificate.current();
  // Read at each connection: certificates are renewed while the bus runs.
  const tls = {
    get key() {
      return held()?.key;
    },
    get cert() {
      return held()?.cert;
    },
    get ca() {
      return held()?.roots;
    },
    checkServerIdentity: expectIdentity(controlPlaneIdentity(controlPlane, 'nats')),
  };
  return createNatsBus({
    servers: options.natsServer,
    tls,
    user: options.natsUser,
    revision: options.revision,
    instance: hostname(),
    ...role,
    signal,
    ...(options.natsPasswordFile ? { password: (await readFile(options.natsPasswordFile, 'utf8')).trim() } : {}),
    onProblem: (message) => log.scope('bus').warn(message),
  });
}

/**
 * The side of one reader over whatever the options say; it connects when it is first read and ends with its signal. The
 * reader may fail and subscribe again. Reports travel on the connection that is read.
 */
export function createSubscriber(options: BusOptions, context: BusContext): Subscriber & ReportSender {
  let connected: ReportSender | undefined;
  const { subscribe } = createResumableSubscriber({
    async *subscribe(collections, signal) {
      const bus =
        options.bus === 'nats'
          ? await connectNatsBus(options, { role: 'subscriber' }, context)
          : await connectGrpcBus(options, context);
      connected = bus;
      try {
        yield* bus.subscribe(collections, signal);
      } finally {
        connected = undefined;
        await bus.close();
      }
    },
  });
  return {
    subscribe,
    report: (message, signal) =>
      connected?.report(message, signal) ?? Promise.reject(new Error('there is no connection to the bus')),
  };
}

async function connectGrpcBus(
  { galley }: BusOptions,
  { certificate, controlPlane, log, signal }: BusContext,
): Promise<GrpcBusClient> {
  await Promise.race([certificate.first, aborted(signal)]);
  const waiting = createWaiting(log.scope('bus'), systemClock);
  return createGrpcBusClient({
    address: galley,
    credentials: () => channelCredentials(certificate, controlPlaneIdentity(controlPlane, 'galley')),
    channelOptions: serverNamed(controlPlaneHost('galley', controlPlane.systemNamespace)),
    onProblem: (reason) => waiting(`waiting for galley at ${galley}: is it running?`, { reason }),
  });
}

/** Who may follow the bus. */
const subscribers = ['pilot', 'sidecar-injector'];
/** Who may report what proxies have. */
const reporters = ['pilot'];

export type PublisherOptions = BusOptions & OptionsOf<ReturnType<typeof busServerSettings>> & { readonly bind: string };
export interface ServicePublisher extends Publisher, ReportReceiver {
  /** Serves the bus over gRPC on `grpcPort`, or holds the connection to NATS. */
  readonly runner: Runner;
  /** Which part this galley has on the bus. */
  readonly rolePage: Page;
}

export interface PublisherContext extends BusContext {
  readonly metrics: Metrics;
  readonly guard: Guard;
  /** Elects the galley that writes to NATS; without it, the log there decides. */
  readonly election?: WriterElection | undefined;
}

/** galley's side over whatever the options say. */
export function createPublisher(options: PublisherOptions, context: PublisherContext): ServicePublisher {
  const { certificate, controlPlane, log } = context;
  const role = createBusRole(context);
  if (options.bus === 'nats') {
    const publisher = { role: 'publisher', onRole: role.set, election: context.election } as const;
    let connection: Promise<Bus> | undefined;
    let takeReport: TakeReport = () => undefined;
    /** The connection there is, or a new attempt after one that failed. */
    const connected = (): Promise<Bus> =>
      (connection ??= connectNatsBus(options, publisher, context).then(
        (bus) => {
          bus.onReport((message, reporter) => takeReport(message, reporter));
          return bus;
        },
        (error: unknown) => {
          connection = undefined;
          throw error;
        },
      ));
    const run: Runner['run'] = async (stop, started) => {
      const bus = await connected();
      started();
      await aborted(stop);
      await bus.close();
    };
    return {
      publish: async (batch, ended) => (await connected()).publish(batch, ended),
      onReport: (take) => {
        takeReport = take;
      },
      runner: { name: 'bus', run },
      rolePage: role.page,
    };
  }
  role.set('active', 'over gRPC each galley serves the clients that connect to it');
  const server = createGrpcBusServer({
    allow: subscribers.map((service) => controlPlaneIdentity(controlPlane, service)),
    allowReports: reporters.map((service) => controlPlaneIdentity(controlPlane, service)),
  });
  const { runner } = grpcRunner({
    name: 'bus',
    log,
    services: [server],
    after: certificate.first,
    at: { host: options.bind, port: options.grpcPort },
    tls: { source: certificate, clients: 'required' },
    ...context.guard('bus', options.maxBusConnections),
    grpc: { ...grpcLimits(options), maxMessageBytes: 1 << 20 },
  });
  return { publish: server.publish, onReport: server.onReport, runner, rolePage: role.page };
}
