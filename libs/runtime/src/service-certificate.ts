import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Logger } from '@flotilla/observability-port';
import { buildCsr, createCertificateSource, generateKey, keyToPem, spiffeOf } from '@flotilla/pki';
import type { CertificateSource } from '@flotilla/pki';
import { messageOf, ownMember, readJsonObject, setting, systemClock } from '@flotilla/std';
import type { Clock, OptionsOf } from '@flotilla/std';
import { requestCertificate } from './ca-client.ts';
import type { Runner } from './runners.ts';

/** How a service gets its certificate. */
export const certificateSettings = () => ({
  trustDomain: setting.text('first part of every identity', 'cluster.local'),
  citadel: setting.text('the CA\'s address', '127.0.0.4:15022'),
  bootstrapTokenFile: setting.path('token that proves this service to the CA: alone in the file, or the CA\'s JSON object of service: token', '.cache/citadel/bootstrap-tokens.json'),
  rootCertFile: setting.path('PEM of the root that the CA must prove', '.cache/citadel/root-cert.pem'),
});

export interface ServiceCertificateOptions extends OptionsOf<ReturnType<typeof certificateSettings>> {
  /** `pilot`, `galley` ...: its identity is this service account in istio-system. */
  readonly service: string;
  readonly log: Logger;
  readonly clock?: Clock;
}
export interface ServiceCertificate extends CertificateSource {
  /** Resolves with the first certificate. */
  readonly first: Promise<void>;
  readonly runner: Runner;
}

const firstRetryMs = 200;
const maxRetryMs = 10_000;

/**
 * A control-plane service's certificate: the first by the bootstrap token, then a new key and certificate at half of each one's life. Files are read
 * at each attempt, so that they may appear later than this service. Attempts back off; what is held stays in force meanwhile.
 */
export function createServiceCertificate(options: ServiceCertificateOptions): ServiceCertificate {
  const { trustDomain, clock = systemClock, log } = options;
  const source = createCertificateSource();
  let received = (): void => {};
  const first = new Promise<void>((resolve) => (received = resolve));
  const identity = { trustDomain, namespace: 'istio-system', serviceAccount: options.service };

  const attempt = async (signal: AbortSignal): Promise<number> => {
    const [tokens, roots] = await Promise.all([readFile(options.bootstrapTokenFile, 'utf8'), readFile(options.rootCertFile, 'utf8')]);
    const key = generateKey();
    const ca = { address: options.citadel, roots, identity: spiffeOf({ ...identity, serviceAccount: 'citadel' }) };
    const chain = await requestCertificate(ca, { csr: buildCsr(key, { uris: [spiffeOf(identity)] }), token: tokenOf(options.service, tokens), signal });
    const notAfter = new X509Certificate(chain[0] ?? '').validToDate.getTime();
    if (notAfter <= clock.now()) throw new Error(`by this clock the certificate ended at ${new Date(notAfter).toISOString()} already: set the clock right`);
    source.set({ key: keyToPem(key), cert: chain.slice(0, -1).join(''), roots: chain.at(-1) ?? roots });
    received();
    log.info('certificate received', { identity: spiffeOf(identity), notAfter: new Date(notAfter).toISOString() });
    return Math.max((notAfter - clock.now()) / 2, firstRetryMs);
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted;) {
      let wait: number;
      try {
        wait = await attempt(signal);
        failures = 0;
      } catch (thrown) {
        wait = Math.min(firstRetryMs * 2 ** failures, maxRetryMs);
        failures = Math.min(failures + 1, 16);
        if (!signal.aborted) log.warn('no certificate yet, trying again', { reason: messageOf(thrown), inMs: wait });
      }
      await pause(wait, { clock, signal });
    }
  };
  return { current: source.current, onChange: source.onChange, first, runner: { name: 'certificate', run } };
}

function tokenOf(service: string, content: string): string {
  if (!content.startsWith('{')) return content.trim();
  const tokens = readJsonObject(content);
  if (!tokens.ok) throw new Error('the file of bootstrap tokens is not a JSON object');
  const token = ownMember(tokens.value, service);
  if (typeof token !== 'string') throw new Error(`the file of bootstrap tokens has none for ${service}`);
  return token;
}

/** A timer holds at most 2^31 ms; renewing earlier than asked for does no harm. */
const pause = (ms: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> => new Promise((resolve) => {
  if (signal.aborted) return resolve();
  const onAbort = (): void => {
    cancel();
    resolve();
  };
  const cancel = clock.after(Math.min(ms, 2 ** 31 - 1), () => {
    signal.removeEventListener('abort', onAbort);
    resolve();
  });
  signal.addEventListener('abort', onAbort, { once: true });
});
