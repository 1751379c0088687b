import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import type { Logger } from '@flotilla/observability-port';
import { buildCsr, createCertificateSource, generateKey, isDue, keyToPem, middleOf } from '@flotilla/pki';
import type { CertificateSource, KeyAndCertificate } from '@flotilla/pki';
import { messageOf, ownMember, pause, readJsonObject, setting, systemClock } from '@flotilla/std';
import type { Clock, OptionsOf } from '@flotilla/std';
import { controlPlaneHost, controlPlaneIdentity } from '@flotilla/rules';
import { requestCertificate } from './ca-client.ts';
import { systemNamespaceSettings } from './installation-settings.ts';
import { createWaiting } from './waiting.ts';

/** How a service gets its certificate. */
export const certificateSettings = () => ({
  trustDomain: setting.text('trust domain, the first part of every identity', 'cluster.local'),
  ...systemNamespaceSettings(),
  citadel: setting.text("the CA's address", '127.0.0.4:15022'),
  bootstrapTokenFile: setting.path(
    "file with the token that proves this service to the CA while it has no certificate: a token of its ServiceAccount, a bootstrap token, or the CA's JSON object of those",
    '.cache/citadel/bootstrap-tokens.json',
  ),
  rootCertFile: setting.path(
    "PEM file of the root that the CA's certificate must chain to",
    '.cache/citadel/root-cert.pem',
  ),
});

export interface ServiceCertificateOptions extends OptionsOf<ReturnType<typeof certificateSettings>> {
  /** `pilot`, `galley` ...: its identity is this service account in the system namespace. */
  readonly service: string;
  readonly log: Logger;
  readonly clock?: Clock;
}
export interface ServiceCertificate extends CertificateSource {
  /** Resolves with the first certificate. */
  readonly first: Promise<void>;
  readonly runner: { readonly name: string; run(signal: AbortSignal): Promise<void> };
}

const firstRetryMs = 200;
const maxRetryMs = 10_000;
/** How often the certificate's validity is checked: timers may be late, and clocks jump. */
const checkMs = 60_000;

/**
 * A control-plane service's certificate: the first by a token, then a new key and certificate at half of
 * each one's life, by the current certificate, or by the token again if that is not accepted. Files are read at each
 * attempt, so that they may appear or be replaced later. Attempts back off; meanwhile the current certificate stays in
 * force.
 */
export function createServiceCertificate(options: ServiceCertificateOptions): ServiceCertificate {
  const { systemNamespace, clock = systemClock, log } = options;
  const source = createCertificateSource();
  const waiting = createWaiting(log, clock);
  let received = (): void => {};
  const first = new Promise<void>((resolve) => (received = resolve));
  const identity = controlPlaneIdentity(options, options.service);
  let held: X509Certificate | undefined;
  let isAccepted = true;

  /**
   * What to show: a certificate that is valid by this clock and was not refused before, else the token as it is now.
   */
  async function proof(): Promise<{ readonly certificate: KeyAndCertificate } | { readonly token: string }> {
    const now = clock.now();
    const certificate = source.current();
    const isValid = held !== undefined && now >= held.validFromDate.getTime() && now < held.validToDate.getTime();
    return certificate && isValid && isAccepted
      ? { certificate }
      : { token: tokenOf(options.service, await readFile(options.bootstrapTokenFile, 'utf8')) };
  }

  async function renew(signal: AbortSignal): Promise<void> {
    const roots = await readFile(options.rootCertFile, 'utf8');
    const shown = await proof();
    const key = generateKey();
    const ca = {
      address: options.citadel,
      roots,
      host: controlPlaneHost('citadel', systemNamespace),
      identity: controlPlaneIdentity(options, 'citadel'),
      ...('certificate' in shown ? shown : {}),
    };
    isAccepted = 'token' in shown;
    const chain = await requestCertificate(ca, {
      csr: buildCsr(key, { uris: [identity] }),
      ...('token' in shown ? shown : {}),
      signal,
    });
    isAccepted = true;
    const leaf = new X509Certificate(chain[0] ?? '');
    const [begins, ends] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
    if (ends <= clock.now())
      throw new Error(`by this clock the certificate expired at ${new Date(ends).toISOString()}: correct the clock`);
    if (begins > clock.now())
      throw new Error(
        `by this clock the certificate only begins at ${new Date(begins).toISOString()}: correct the clock`,
      );
    held = leaf;
    source.set({ key: keyToPem(key), cert: chain.slice(0, -1).join(''), roots: chain.at(-1) ?? roots });
    received();
    log.info('certificate received', { identity, notAfter: new Date(ends).toISOString() });
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      let wait: number;
      try {
        if (isDue(held, clock.now())) await renew(signal);
        wait = held ? Math.min(Math.max(middleOf(held) - clock.now(), firstRetryMs), checkMs) : firstRetryMs;
        retryMs = firstRetryMs;
      } catch (thrown) {
        wait = retryMs;
        retryMs = Math.min(retryMs * 2, maxRetryMs);
        if (!signal.aborted) waiting(describeRemedy(thrown, options), { reason: messageOf(thrown) });
      }
      await pause(wait, signal, clock);
    }
  };
  return { current: source.current, onChange: source.onChange, first, runner: { name: 'certificate', run } };
}

/** Messages of OpenSSL and `expectIdentity` about a server that is not trusted. */
const untrusted = /self-signed certificate|unable to (get|verify)|signature failure|the server is /;
/** Messages of OpenSSL about a certificate that is not valid at this time. */
const outOfTime = /certificate has expired|certificate is not yet valid/;

/** The log line for an error: what this service waits for, and what to do about it. */
function describeRemedy(thrown: unknown, options: ServiceCertificateOptions): string {
  const { citadel, rootCertFile, bootstrapTokenFile } = options;
  const { code, path } = thrown as { code?: unknown; path?: string };
  if (code === 'ENOENT' && path === rootCertFile)
    return `waiting for ${path}, the root certificate, which citadel provides (to pods in the ConfigMap istio-ca-root-cert): is citadel running?`;
  if (code === 'ENOENT' && path === bootstrapTokenFile)
    return `waiting for ${path}: in a pod, mount a token of its ServiceAccount with the audience istio-ca there; elsewhere citadel writes it when it first starts`;
  if (code === status.UNAUTHENTICATED)
    return `citadel at ${citadel} refuses this service; trying again with the token in ${bootstrapTokenFile}`;
  if (code === status.UNAVAILABLE && outOfTime.test(messageOf(thrown)))
    return `by this clock, the certificate of citadel at ${citadel} is not valid now: are both clocks right?`;
  if (code === status.UNAVAILABLE && untrusted.test(messageOf(thrown)))
    return `what answers at ${citadel} has no certificate of the root in ${rootCertFile}: is this the root of that citadel?`;
  if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED)
    return `waiting for citadel at ${citadel}: is it running?`;
  return 'no certificate yet, trying again';
}

/** The service's token from the content of a file: the token alone, or the CA's JSON object of tokens by service. */
function tokenOf(service: string, content: string): string {
  if (!content.startsWith('{')) return content.trim();
  const tokens = readJsonObject(content);
  if (!tokens.ok) throw new Error('the file of bootstrap tokens is not a JSON object');
  const entry = ownMember(tokens.value, service);
  const token = typeof entry === 'object' && entry !== null && 'token' in entry ? entry.token : entry;
  if (typeof token !== 'string') throw new Error(`the file of bootstrap tokens has none for ${service}`);
  return token;
}
