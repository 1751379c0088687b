import { readFile } from 'node:fs/promises';
import type { Subscriber } from '@flotilla/bus-port';
import { createWebhook, type Webhook } from '@flotilla/injector-server';
import type { Logger } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import type { GuardOptions } from '@flotilla/server';
import { aborted } from '@flotilla/std';
import { createDecide, type DecideOptions } from './decide.ts';
import { MeshState } from './mesh-state.ts';

export interface InjectorOptions extends Omit<DecideOptions, 'state'> {
  readonly subscriber: Subscriber;
  readonly signal: AbortSignal;
}
export interface ServeOptions {
  readonly bind: string;
  readonly injectionPort: number;
  readonly webhookClientCaFile?: string | undefined;
  readonly certificate: CertificateSource;
  readonly first?: Promise<void>;
  readonly guard: GuardOptions;
}

/**
 * Sidecar-injector: follows the mesh's configuration on the bus and answers the API server's webhook. It is ready when
 * it knows that configuration.
 */
export function createInjector(options: InjectorOptions) {
  const { subscriber, observability, signal } = options;
  const log = observability.log.scope('injection');
  const state = new MeshState();
  const distrust = logDistrust(log);
  const decide = createDecide({ ...options, state });
  const webhook = createWebhook({
    decide(...request) {
      distrust.onReview();
      return decide(...request);
    },
    observability,
  });
  return {
    /** Follows the bus until the signal aborts. */
    run: () => state.follow(subscriber, signal),
    ready: state.ready,
    /**
     * Answers on a port (0: any) with a certificate that may be renewed; waits for the first. `listening` resolves with
     * the port in use.
     */
    serve(serveOptions: ServeOptions) {
      const listening = Promise.withResolvers<number>();
      const run = async (_stop: AbortSignal, started: () => void): Promise<void> => {
        await Promise.race([serveOptions.first, aborted(signal)]);
        if (signal.aborted) return;
        const server = await listen(webhook, serveOptions, distrust.onDistrust);
        started();
        listening.resolve(server.port);
        log.info('serving', { what: 'webhook', at: `${serveOptions.bind}:${server.port}` });
        await aborted(signal);
        await server.close();
      };
      return { runner: { name: 'webhook', run }, listening: listening.promise };
    },
  };
}

async function listen(
  webhook: Webhook,
  { bind, injectionPort, webhookClientCaFile, certificate, guard }: ServeOptions,
  onDistrust: (alert: string) => void,
): ReturnType<Webhook['listen']> {
  const clientRoots =
    webhookClientCaFile === undefined ? {} : { clientRoots: await readFile(webhookClientCaFile, 'utf8') };
  return webhook.listen({
    ...guard,
    at: { host: bind, port: injectionPort },
    tls: { source: certificate, clients: 'optional', onDistrust, ...clientRoots },
  });
}

const distrusted =
  'a client does not trust the certificate of the webhook: if it is the API server, selected pods are refused until caBundle in the MutatingWebhookConfiguration is the root certificate of ConfigMap istio-ca-root-cert; with --platform kubernetes, the injector writes caBundle itself';

/** Logs once, until the next review arrives, what to do about a client that does not trust the certificate. */
function logDistrust(log: Logger): { onReview(): void; onDistrust(alert: string): void } {
  let isDistrusted = false;
  return {
    onReview: () => void (isDistrusted = false),
    onDistrust(alert) {
      if (isDistrusted) return;
      isDistrusted = true;
      log.error(distrusted, { alert });
    },
  };
}
