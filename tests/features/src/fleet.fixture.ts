import { mkdtempSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCitadel, createFileRootStore, citadelFiles, citadelSettings } from '@flotilla/citadel-service';
import { createFileSource } from '@flotilla/galley-file-source';
import { createGalley } from '@flotilla/galley-service';
import { listen } from '@flotilla/grpc';
import { createInjector, readConfig } from '@flotilla/injector-service';
import { defaultInstallation, type Batch, type Installation } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import {
  createGuard,
  commonSettings,
  domainSettings,
  installationSettings,
  parseOptions,
  systemNamespaceSettings,
} from '@flotilla/runtime';
import { busServerSettings, busSettings, createPublisher, createSubscriber } from '@flotilla/runtime/bus';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';
import { createIdentityClient } from '@flotilla/runtime/identity-client';
import { AsyncQueue } from '@flotilla/std';

export interface FleetOptions {
  /** The files that galley watches. */
  readonly config: string;
  readonly installation?: Installation;
  /** Keys of ServiceAccounts' tokens (JWKS). */
  readonly jwksFile?: string;
}

/**
 * The services of a fleet in one process, wired as their apps are: each has its certificate from citadel, and the bus
 * is gRPC over mTLS. Resolves when all are ready.
 */
export async function startFleet({ config, installation = defaultInstallation, jwksFile }: FleetOptions) {
  const { clusterId, domain, systemNamespace } = installation;
  const flags = ['--domain', domain, '--system-namespace', systemNamespace];
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-fleet-'));
  const stop = new AbortController();
  const { signal } = stop;
  const closers: (() => unknown)[] = [() => stop.abort()];
  const serving = Promise.withResolvers<string>();
  const log: Logger = {
    ...noObservability.log,
    info: (_message: string, fields: Fields = {}) => {
      if (fields['what'] === 'bus') serving.resolve(String(fields['at']));
    },
    scope: () => log,
    with: () => log,
  };
  const observability = { ...noObservability, log };

  const citadelOptions = parseOptions(
    {
      name: 'citadel',
      describe: '',
      settings: { ...citadelSettings(folder), ...domainSettings(), ...systemNamespaceSettings() },
    },
    [...flags, ...(jwksFile === undefined ? [] : ['--jwks-file', jwksFile])],
  );
  const place = { ...citadelOptions, ...citadelFiles({ platform: 'files', ...citadelOptions }, folder) };
  const citadel = await createCitadel({ ...place, root: createFileRootStore(place.rootFile), observability });
  const serveCa = (port: number) =>
    listen([citadel, citadel.identity], {
      at: { host: '127.0.0.1', port },
      tls: { source: citadel.certificate, clients: 'optional' },
    });
  let ca = await serveCa(0);
  closers.push(citadel.close, () => ca.close());

  const optionsOf = (service: string, more: readonly string[] = []) =>
    parseOptions(
      {
        name: service,
        describe: '',
        settings: {
          ...commonSettings('127.0.0.1'),
          ...certificateSettings(),
          ...busSettings(service),
          ...busServerSettings(),
          ...installationSettings(),
        },
      },
      [
        ...flags,
        ...['--cluster-id', clusterId],
        ...more,
        ...['--citadel', `127.0.0.1:${ca.port}`, '--grpc-port', '0'],
        ...['--root-cert-file', place.rootCertOut, '--bootstrap-token-file', place.bootstrapTokensFile],
      ],
    );
  const certified = async (service: string, more?: readonly string[]) => {
    const options = optionsOf(service, more);
    const certificate = createServiceCertificate({ ...options, service, log });
    void certificate.runner.run(signal);
    await certificate.first;
    return { options, certificate, controlPlane: options, log, signal };
  };

  const { options, ...context } = await certified('galley');
  const guard = createGuard(options, observability);
  const bus = createPublisher(options, { ...context, metrics: observability.metrics, guard });
  const galley = createGalley({
    sources: [createFileSource([config], { installation })],
    installation,
    publisher: bus,
    observability,
    signal,
  });
  void bus.runner.run(signal, () => {});
  void galley.run();
  const address = await serving.promise;

  const { options: pilotOptions, ...pilotContext } = await certified('pilot', ['--galley', address]);
  /** What pilot refuses, with the reason. */
  const refused: string[] = [];
  const pilot = createPilot({
    subscriber: createSubscriber(pilotOptions, pilotContext),
    identify: createIdentityClient({ address: pilotOptions.citadel, ...pilotContext }),
    installation,
    observability: { ...observability, log: warnings(refused) },
    signal,
  });
  const injection = await readConfig(undefined, installation);
  const webhook = await certified('sidecar-injector', ['--galley', address]);
  const { subscribe } = createSubscriber(webhook.options, webhook);
  const taken = new AsyncQueue<Batch>();
  const injector = createInjector({
    subscriber: {
      async *subscribe(...args) {
        for await (const batch of subscribe(...args)) {
          yield batch;
          taken.push(batch);
        }
      },
    },
    config: { current: () => injection },
    observability,
    signal,
  });
  void pilot.run();
  void injector.run();
  await Promise.all([pilot.ready, injector.ready]);
  const { certificate } = webhook;
  const served = injector.serve({ bind: '127.0.0.1', injectionPort: 0, certificate, guard: guard('webhook', 10) });
  const answering = served.runner.run(signal, () => {});
  closers.unshift(() => answering);
  const injectionPort = await served.listening;
  const xds = await listen([pilot.discovery('any')], { at: { host: '127.0.0.1', port: 0 } });
  const secure = await listen([pilot.discovery('identified')], {
    at: { host: '127.0.0.1', port: 0 },
    tls: { source: pilotContext.certificate, clients: 'optional' },
  });
  closers.push(
    () => xds.close(),
    () => secure.close(),
  );
  return {
    galley,
    pilot,
    /** The certificate of galley, in PEM. */
    certificate: (): string => context.certificate.current()?.cert ?? '',
    /** Batches that the injector has taken, as it takes them. */
    taken,
    /** What the webhook makes of a pod; throws when it refuses it. */
    inject: (pod: object) => review(injectionPort, pod, readFileSync(place.rootCertOut, 'utf8')),
    /** pilot's plaintext port. */
    port: xds.port,
    /** pilot's port with TLS. */
    securePort: secure.port,
    refused,
    rootCert: readFileSync(place.rootCertOut, 'utf8'),
    citadel: {
      /** Its address, for callers of its services. */
      address: `127.0.0.1:${ca.port}`,
      stop: () => ca.close(0),
      restart: async () => void (ca = await serveCa(ca.port)),
    },
    /** The certificate of a service, such as galley's. */
    certificateOf: async (service: string) => (await certified(service)).certificate,
    async close(): Promise<void> {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

/** A log that keeps its warnings: message and reason. */
function warnings(kept: string[]): Logger {
  const log: Logger = {
    ...noObservability.log,
    warn: (message, { error = '' } = {}) => void kept.push(`${message}: ${String(error)}`),
    scope: () => log,
    with: () => log,
  };
  return log;
}

/** Sends a pod to the webhook, as the API server does on behalf of its namespace; returns the patch. */
async function review(port: number, pod: object, ca: string): Promise<string> {
  const body = JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { uid: 'u1', namespace: 'shop', object: pod },
  });
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path: '/inject', method: 'POST', ca, agent: false },
        // Its certificate has the names of its Kubernetes Service.
        checkServerIdentity: () => undefined,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
      },
    );
    sent.on('error', reject).end(body);
  });
  const { response } = JSON.parse(answer) as {
    readonly response: { readonly allowed: boolean; readonly patch?: string; readonly status?: unknown };
  };
  if (!response.allowed) throw new Error(`refused: ${JSON.stringify(response.status)}`);
  return Buffer.from(response.patch ?? '', 'base64').toString();
}
