import { X509Certificate } from 'node:crypto';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { buildCertificate, buildRoot, generateKey, parseCsr } from '@flotilla/pki';
import { AsyncQueue, type Clock } from '@flotilla/std';
import { expect, it } from 'vitest';
import { createWorkloadCertificate } from './index.ts';

const hour = 3_600_000;
const caNow = Date.UTC(2026, 0, 1);
const rootKey = generateKey();
const root = buildRoot(rootKey, {
  organization: 'test',
  validity: { notBefore: caNow - hour, notAfter: caNow + 1000 * hour },
  serial: Buffer.alloc(16, 1),
});
const ca = {
  createCertificate: (pem: string) => {
    const csr = parseCsr(pem);
    if (!csr.ok) throw new Error(csr.error);
    const leaf = buildCertificate(
      {
        publicKey: csr.value.publicKey,
        validity: { notBefore: caNow, notAfter: caNow + hour },
        serial: Buffer.alloc(16, 2),
        uris: ['spiffe://td/ns/a/sa/b'],
      },
      { key: rootKey, certificate: new X509Certificate(root) },
    );
    return Promise.resolve([leaf, root]);
  },
};

/** An agent whose clock stands unless it is set; gives its pauses, each of which ends at once. */
function start(startedAt: number) {
  let now = startedAt;
  const pauses = new AsyncQueue<{ ms: number; end: () => void }>();
  const clock: Clock = { now: () => now, after: (ms, end) => (pauses.push({ ms, end }), () => {}) };
  const told: string[] = [];
  const log: Logger = { ...noObservability.log, warn: (_message, fields) => void told.push(String(fields?.['error'])) };
  const certificate = createWorkloadCertificate({
    ca,
    identity: 'spiffe://td/ns/a/sa/b',
    validitySeconds: 3600,
    jitterRatio: 0,
    clock,
    log,
    random: () => 0.5,
  });
  const pause = async (): Promise<number> => {
    const { ms, end } = (await pauses.next()).value as { ms: number; end: () => void };
    end();
    return ms;
  };
  return { certificate, pause, told, setClock: (to: number) => void (now = to) };
}

it('a certificate is renewed at half of its life', async () => {
  const { certificate, pause, setClock } = start(caNow);
  expect(await pause()).toBe(60_000);
  const first = certificate.current();
  expect(first?.roots).toBe(root);
  setClock(caNow + hour / 2 - 1500);
  expect([await pause(), await pause(), certificate.current()]).toEqual([60_000, 1500, first]);
  setClock(caNow + hour / 2);
  const renewed = new Promise((resolve) => certificate.onChange(resolve));
  await pause();
  expect(await renewed).not.toBe(first);
  certificate.close();
});

it('a certificate that is not valid any more by a clock that was set is replaced within a minute', async () => {
  const { certificate, pause, setClock } = start(caNow);
  await pause();
  setClock(caNow - 1);
  const renewed = new Promise((resolve) => certificate.onChange(resolve));
  await pause();
  await renewed;
  certificate.close();
});

it('an agent whose clock is ahead of everything that the CA gives does not ask for ever at the same pace, and says why', async () => {
  const { certificate, pause, told } = start(caNow + 2 * hour);
  expect([await pause(), await pause(), await pause(), await pause()]).toEqual([200, 400, 800, 1600]);
  expect([certificate.current(), told[0]]).toEqual([undefined, expect.stringMatching(/correct the clock/) as string]);
  certificate.close();
});
