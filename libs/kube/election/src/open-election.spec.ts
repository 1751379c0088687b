import { expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources } from '@flotilla/kube-port';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { openElection } from './open-election.ts';

const name = { namespace: 'istio-system', name: 'galley' };

/** An election whose log lines and gauge the test reads; `said` resolves with the next line. */
function open(api: FakeKube, identity: string) {
  const lines: string[] = [];
  const gauges: number[] = [];
  let heard = Promise.withResolvers<string>();
  const say = (message: string, fields: object = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
    heard.resolve(message);
    heard = Promise.withResolvers();
  };
  const log: Logger = { ...noObservability.log, info: say, warn: say };
  const metrics = { ...noObservability.metrics, gauge: () => ({ set: (value: number) => void gauges.push(value) }) };
  const timing = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 5 };
  const election = openElection({ api, ...name, identity, timing, log, metrics });
  const page = async (): Promise<unknown> =>
    JSON.parse((await election.page.answer({ query: new URLSearchParams(), wantsJson: true })).text);
  return { ...election, lines, gauges, page, said: () => heard.promise };
}

it('takes part once the process is ready, and shows who leads', async () => {
  const kube = new FakeKube();
  const stop = new AbortController();
  const [one, two] = [open(kube, 'one'), open(kube, 'two')];
  const ready = Promise.withResolvers<null>();
  const ended = [one.runner(ready.promise).run(stop.signal), two.runner().run(stop.signal)];
  await two.said();
  expect(two.details()).toEqual(['leads: holds the Lease istio-system/galley']);
  expect(two.gauges).toEqual([0, 1]);
  expect(one.details()).toEqual(['does not lead: nobody holds the Lease istio-system/galley']);
  ready.resolve(null);
  const seen = (): boolean => one.election.holder() === 'two';
  while (!seen()) await new Promise((resolve) => void setImmediate(resolve));
  expect(one.details()).toEqual(['does not lead: two holds the Lease istio-system/galley']);
  expect(await one.page()).toEqual({ isLeader: false, lease: 'istio-system/galley', holder: 'two', identity: 'one' });
  stop.abort();
  await Promise.all(ended);
  expect(two.lines.map((line) => line.split(' {')[0])).toEqual(['became the leader', 'no longer the leader']);
});

it('names a missing permission once, and what is needed', async () => {
  const kube = new FakeKube();
  kube.revoke(resources.leases);
  const stop = new AbortController();
  const one = open(kube, 'one');
  const ended = one.runner().run(stop.signal);
  await one.said();
  expect(one.lines).toEqual([
    expect.stringContaining(
      'leases.coordination.k8s.io is forbidden: cannot list resource \\"leases\\": ' +
        'needs get, create and update of leases.coordination.k8s.io for istio-system/galley',
    ),
  ]);
  expect(await one.page()).toMatchObject({ problem: expect.stringContaining('is forbidden') });
  kube.grant(resources.leases);
  while (!one.election.isLeader()) await one.said();
  expect(one.lines).toHaveLength(3);
  stop.abort();
  await ended;
});
