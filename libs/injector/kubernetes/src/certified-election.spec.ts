import { expect, it } from 'vitest';
import { createCertificateSource } from '@flotilla/pki';
import { runCertified } from './certified-election.ts';

const held = { key: 'K', cert: 'C', roots: 'R' };

it('begins with the first certificate, or at once where there is one', async () => {
  const runs: string[] = [];
  const certificate = createCertificateSource();
  const { signal } = new AbortController();
  const start = (name: string): Promise<void> =>
    runCertified({ run: () => Promise.resolve(void runs.push(name)) }, certificate)(signal);
  const first = start('first');
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs).toEqual([]);
  certificate.set(held);
  certificate.set(held);
  await first;
  await start('second');
  expect(runs).toEqual(['first', 'second']);
});

it('ends without a certificate when it is stopped', async () => {
  const stop = new AbortController();
  const running = runCertified({ run: () => Promise.resolve() }, createCertificateSource())(stop.signal);
  stop.abort();
  await running;
});
