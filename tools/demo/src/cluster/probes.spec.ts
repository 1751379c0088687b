import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createReadiness } from './probes.ts';

let status = 200;
const server = createServer((_, response) => response.writeHead(status).end());
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
afterAll(() => void server.close());

const web = (failureThreshold?: unknown) => ({
  name: 'web',
  readinessProbe: {
    httpGet: { port: (server.address() as AddressInfo).port },
    ...(failureThreshold === undefined ? {} : { failureThreshold: failureThreshold as number }),
  },
});

/** The results of checks, each with what the container answers then. */
async function results(check: () => Promise<boolean>, statuses: readonly number[]): Promise<boolean[]> {
  const found = [];
  for (status of statuses) found.push(await check());
  return found;
}

it.each([
  {
    why: 'three by default',
    statuses: [503, 200, 503, 503, 200, 503, 503, 503, 200],
    expected: [false, true, true, true, true, true, true, false, true],
  },
  { why: 'as many as the probe says', threshold: 1, statuses: [200, 503, 200], expected: [true, false, true] },
  {
    why: 'three when it does not say a number',
    threshold: 'many',
    statuses: [200, 503, 503, 503],
    expected: [true, true, true, false],
  },
])(
  'a container that was ready stays so until attempts in a row fail: $why',
  async ({ threshold, statuses, expected }) => {
    expect(
      await results(createReadiness(web(threshold), { isRunning: true, restarts: 0 }, '127.0.0.1'), statuses),
    ).toEqual(expected);
  },
);

it.each([
  ['with a probe', () => web()],
  ['without one', () => ({ name: 'web' })],
])('a container that has ended is not ready: %s', async (_, spec) => {
  const container = { isRunning: true, restarts: 0 };
  const check = createReadiness(spec(), container, '127.0.0.1');
  expect(await results(check, [200])).toEqual([true]);
  container.isRunning = false;
  expect(await results(check, [200])).toEqual([false]);
  Object.assign(container, { isRunning: true, restarts: 1 });
  expect(await results(check, [200])).toEqual([true]);
});

it('a container that was started again must pass its probe again', async () => {
  const container = { isRunning: true, restarts: 0 };
  const check = createReadiness(web(), container, '127.0.0.1');
  expect(await results(check, [200])).toEqual([true]);
  container.restarts = 1;
  expect(await results(check, [503, 200])).toEqual([false, true]);
});
