import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { getLease, resources, type KubeApi } from '@flotilla/kube-port';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createElection, type Election } from './election.ts';

const name = { namespace: 'istio-system', name: 'galley' };

describe('an election by a Lease', () => {
  let kube: FakeKube;
  let clock: ManualClock;
  const stops: AbortController[] = [];
  beforeEach(() => {
    kube = new FakeKube();
    clock = createManualClock(1_700_000_000_000);
  });
  afterEach(() => stops.splice(0).forEach((stop) => stop.abort()));

  function start(identity: string, { api = kube as KubeApi, failures = [] as unknown[] } = {}) {
    const stop = new AbortController();
    stops.push(stop);
    const onFailure = (thrown: unknown): void => void failures.push(thrown);
    const election = createElection({ api, ...name, identity, clock, random: () => 0, onFailure });
    const changes: boolean[] = [];
    election.onChange((isLeader) => void changes.push(isLeader));
    const ended = election.run(stop.signal);
    return { election, changes, ended, stop };
  }
  /** Lets pending requests be answered. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.now() + ms; clock.now() < end;) {
      clock.advance(500);
      await settle();
    }
  };
  const leaders = (...elections: readonly Election[]): readonly boolean[] => elections.map((one) => one.isLeader());

  it('has one leader, who renews the Lease', async () => {
    const one = start('one');
    await settle();
    const two = start('two');
    await pass(60_000);
    expect(leaders(one.election, two.election)).toEqual([true, false]);
    expect(two.election.holder()).toBe('one');
    expect(await getLease(kube, name)).toMatchObject({ holder: 'one', transitions: 0, renewTime: clock.now() });
    expect(one.changes).toEqual([true]);
  });

  it('hands leadership over when the leader stops', async () => {
    const one = start('one');
    await settle();
    const two = start('two');
    await pass(4000);
    one.stop.abort();
    expect(one.election.isLeader()).toBe(false);
    await one.ended;
    expect(await getLease(kube, name)).toMatchObject({ holder: '', durationSeconds: 1 });
    await pass(2000);
    expect(two.election.isLeader()).toBe(true);
    expect(one.changes).toEqual([true, false]);
  });

  it('ends leadership by itself before another one takes over, when the API server cannot be reached', async () => {
    const one = start('one');
    await settle();
    const two = start('two', { api: { ...kube.others, watch: kube.watch } });
    await pass(2000);
    kube.cut();
    await pass(9500);
    expect(leaders(one.election, two.election)).toEqual([true, false]);
    await pass(500);
    expect(leaders(one.election, two.election)).toEqual([false, false]);
    await pass(8000);
    expect(leaders(one.election, two.election)).toEqual([false, true]);
    kube.restore();
    await pass(30_000);
    expect(leaders(one.election, two.election)).toEqual([false, true]);
    expect(one.changes).toEqual([true, false]);
  });

  it('does not wait for an answer that does not come', async () => {
    let isSilent = false;
    const never = new Promise<never>(() => {});
    const api: KubeApi = {
      ...kube.others,
      watch: kube.watch,
      replace: (resource, object) => (isSilent ? never : kube.others.replace(resource, object)),
    };
    const one = start('one', { api });
    await settle();
    isSilent = true;
    await pass(6000);
    isSilent = false;
    await pass(8000);
    expect(one.election.isLeader()).toBe(true);
    expect(one.changes).toEqual([true]);
  });

  it('reports what an attempt fails with, and that one succeeded', async () => {
    const failures: unknown[] = [];
    kube.revoke(resources.leases);
    const one = start('one', { failures });
    await settle();
    expect(failures.map(String)).toEqual([expect.stringContaining('leases.coordination.k8s.io is forbidden')]);
    kube.grant(resources.leases);
    await pass(2000);
    expect(failures.at(-1)).toBeUndefined();
    expect(one.election.isLeader()).toBe(true);
  });

  it('does not take part when it is stopped before it starts', async () => {
    const stop = new AbortController();
    stop.abort();
    await createElection({ api: kube, ...name, identity: 'one', clock }).run(stop.signal);
    expect(await getLease(kube, name)).toBeUndefined();
  });
});
