import type { X509Certificate } from 'node:crypto';
import { buildCsr, createCertificateSource, generateKey, keyToPem, parseCaAnswer } from '@flotilla/pki';
import type { CertificateSource, KeyAndCertificate } from '@flotilla/pki';
import type { Logger } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';
import type { Clock } from '@flotilla/std';
import type { CaClient } from './ca-client.ts';

export interface WorkloadCertificateOptions {
  readonly ca: CaClient;
  /** The SPIFFE URI to ask for; the CA decides. */
  readonly identity: string;
  readonly validitySeconds: number;
  /**
   * Part of its lifetime at whose end a certificate is renewed (SECRET_GRACE_PERIOD_RATIO), and how far chance moves
   * that.
   */
  readonly graceRatio?: number;
  readonly jitterRatio?: number;
  readonly clock: Clock;
  readonly log: Logger;
  random?(): number;
}
export interface WorkloadCertificate extends CertificateSource {
  /** Resolves with the first certificate. */
  ready(): Promise<KeyAndCertificate>;
  /** When the current certificate ends, epoch milliseconds; 0 without one. */
  expires(): number;
  close(): void;
}

const firstRetryMs = 200;
const maxRetryMs = 30_000;
/** Timers may be late and clocks jump: so often it is looked whether it is time to renew. */
const checkMs = 60_000;

/**
 * Milliseconds until a certificate is renewed: before the last `graceRatio` of its life, moved by chance so that a
 * fleet doesn't come at once.
 */
export function renewalDelay({
  notBefore,
  notAfter,
  now,
  graceRatio,
  jitter,
}: {
  notBefore: number;
  notAfter: number;
  now: number;
  graceRatio: number;
  jitter: number;
}): number {
  const grace = (notAfter - notBefore) * Math.min(Math.max(graceRatio + jitter, 0), 1);
  return Math.max(notAfter - grace - now, 0);
}

/**
 * Keeps a workload certificate: a new key and request at the start and before each expiry; retries with growing pauses
 * while the CA is away.
 */
export function createWorkloadCertificate(options: WorkloadCertificateOptions): WorkloadCertificate {
  const { ca, clock, log, random = Math.random, graceRatio = 0.5, jitterRatio = 0.01 } = options;
  const source = createCertificateSource();
  const waiting: ((value: KeyAndCertificate) => void)[] = [];
  let notAfter = 0;
  let attempts = 0;
  let cancel = (): void => {};
  let closed = false;

  /**
   * Renews after `delay` by the clock of the machine, which may jump meanwhile, and when by it the certificate is not
   * valid yet.
   */
  function renewIn(leaf: X509Certificate, delay: number): void {
    const due = clock.now() + delay;
    const check = (): void => {
      const now = clock.now();
      if (now >= due || now < leaf.validFromDate.getTime()) void request();
      else cancel = clock.after(Math.min(Math.max(due - now, 1000), checkMs), check);
    };
    cancel = clock.after(Math.min(Math.max(delay, 1000), checkMs), check);
  }

  const request = async (): Promise<void> => {
    const started = clock.now();
    try {
      const key = generateKey();
      const chain = await ca.createCertificate(buildCsr(key, { uris: [options.identity] }), options.validitySeconds);
      if (closed) return;
      const answer = parseCaAnswer(chain);
      if (!answer.ok) throw new Error(`the CA's answer: ${answer.error}`);
      const { leaf, cert, roots } = answer.value;
      if (!leaf.checkPrivateKey(key)) throw new Error("the CA's answer is not a chain for this key");
      const value: KeyAndCertificate = { key: keyToPem(key), cert, roots };
      if (leaf.validToDate.getTime() <= clock.now())
        throw new Error(`by this clock the certificate expired at ${leaf.validTo}: correct the clock`);
      notAfter = leaf.validToDate.getTime();
      attempts = 0;
      const delay = renewalDelay({
        notBefore: leaf.validFromDate.getTime(),
        notAfter,
        now: clock.now(),
        graceRatio,
        jitter: (random() * 2 - 1) * jitterRatio,
      });
      log.info('workload certificate issued', {
        latencyMs: clock.now() - started,
        ttlMs: notAfter - clock.now(),
        renewInMs: Math.round(delay),
      });
      source.set(value);
      for (const resolve of waiting.splice(0)) resolve(value);
      renewIn(leaf, delay);
    } catch (thrown) {
      if (closed) return;
      const pause = Math.min(firstRetryMs * 2 ** attempts++, maxRetryMs) * (0.75 + random() / 2);
      log.warn('workload certificate not issued; trying again', {
        error: messageOf(thrown),
        retryInMs: Math.round(pause),
      });
      cancel = clock.after(pause, () => void request());
    }
  };
  void request();
  return {
    current: source.current,
    onChange: source.onChange,
    ready: () => {
      const value = source.current();
      return value ? Promise.resolve(value) : new Promise((resolve) => waiting.push(resolve));
    },
    expires: () => notAfter,
    close() {
      closed = true;
      cancel();
    },
  };
}
