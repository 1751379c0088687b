import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease, LeaseRecord } from '@flotilla/kube-port';
import { simulate, type Weather } from './simulation.fixture.ts';
import {
  defaultTiming,
  initialState,
  leadsUntil,
  step,
  type Candidate,
  type ElectionEffect,
  type ElectionEvent,
  type ElectionState,
} from './machine.ts';

const candidate: Candidate = { ...defaultTiming, identity: 'one', random: () => 0.5 };
const record: LeaseRecord = { holder: 'two', durationSeconds: 15, acquireTime: 0, renewTime: 0, transitions: 3 };
const leaseOf = (changes: Partial<LeaseRecord> = {}, resourceVersion = '1'): Lease => ({
  ...record,
  ...changes,
  object: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'galley', resourceVersion } },
});

/** Feeds events to one candidate, and returns its last effect. */
class Election {
  state: ElectionState = initialState;
  effect: ElectionEffect | undefined;

  give(...events: readonly ElectionEvent[]): this {
    for (const event of events) [this.state, this.effect] = step(this.state, event, candidate);
    return this;
  }
  /** The Lease that it writes now, taken as written at the same time. */
  accept(now: number): this {
    if (this.effect?.type !== 'send' || this.effect.request.type === 'read') throw new Error('nothing is written');
    return this.give({ type: 'written', lease: leaseOf(this.effect.request.record), now });
  }
  leads(now: number): boolean {
    return now < leadsUntil(this.state, candidate);
  }
}
const due = (now: number): ElectionEvent => ({ type: 'due', now });
const found = (now: number, lease?: Lease): ElectionEvent => ({ type: 'found', lease, now });

describe('an election', () => {
  it('creates the Lease where it does not exist', () => {
    const election = new Election().give(due(1000), found(1000));
    const created = { holder: 'one', durationSeconds: 15, acquireTime: 1000, renewTime: 1000, transitions: 0 };
    expect(election.effect).toEqual({ type: 'send', request: { type: 'create', record: created } });
    expect(election.leads(1000)).toBe(false);
    expect(election.accept(1010).effect).toEqual({ type: 'wait', ms: 2000 });
    expect(election.leads(10_999)).toBe(true);
    expect(election.leads(11_000)).toBe(false);
  });

  it('respects a Lease for its duration from when it was seen, regardless of the times in it', () => {
    const stale = leaseOf({ renewTime: -1e12 });
    const election = new Election().give(due(1000), found(1000, stale));
    expect(election.effect).toEqual({ type: 'wait', ms: 2000 * 1.6 });
    expect(election.give(due(15_000), found(15_999, stale)).effect).toMatchObject({ type: 'wait' });
    const renewed = leaseOf({ renewTime: 5 }, '2');
    expect(election.give(due(16_000), found(16_000, renewed)).effect).toMatchObject({ type: 'wait' });
    expect(election.give(due(30_000), found(30_999, renewed)).effect).toMatchObject({ type: 'wait' });
    expect(election.give(due(31_000), found(31_000, renewed)).effect).toMatchObject({
      type: 'send',
      request: { type: 'replace', lease: renewed, record: { holder: 'one', acquireTime: 31_000, transitions: 4 } },
    });
  });

  it('does not extend a Lease when something else in the object changes', () => {
    const election = new Election().give(due(0), found(0, leaseOf()), due(15_000), found(15_000, leaseOf({}, '2')));
    expect(election.effect).toMatchObject({ request: { type: 'replace', lease: leaseOf({}, '2') } });
  });

  it('takes a Lease that was released, or that has its own name, at once', () => {
    expect(new Election().give(due(0), found(0, leaseOf({ holder: '' }))).effect).toMatchObject({
      request: { record: { holder: 'one', acquireTime: 0, transitions: 4 } },
    });
    expect(new Election().give(due(9), found(9, leaseOf({ holder: 'one' }))).effect).toMatchObject({
      request: { record: { holder: 'one', acquireTime: 0, renewTime: 9, transitions: 3 } },
    });
  });

  it('takes a Lease whose holder has changed as often as can be counted', () => {
    const election = new Election().give(due(0), found(0, leaseOf({ holder: '', transitions: 2 ** 31 - 1 })));
    expect(election.effect).toMatchObject({ request: { type: 'replace', record: { transitions: 2 ** 31 - 1 } } });
  });

  it('measures its time from when it sent the renewal', () => {
    const election = new Election().give(due(0), found(0)).accept(100).give(due(2000));
    election.accept(4000);
    expect(election.leads(11_999)).toBe(true);
    expect(election.leads(12_000)).toBe(false);
  });

  it('reads the Lease again after a renewal has failed, and stops leading when another holds it', () => {
    const election = new Election().give(due(0), found(0)).accept(0).give(due(2000), { type: 'failed', now: 2001 });
    expect(election.effect).toEqual({ type: 'send', request: { type: 'read' } });
    expect(election.leads(2001)).toBe(true);
    expect(election.give(found(2002, leaseOf())).leads(2002)).toBe(false);
  });

  it('keeps trying when it could not renew in time, and leads again after it could', () => {
    const election = new Election().give(due(0), found(0)).accept(0);
    for (let now = 2000; now < 20_000; now += 2000)
      election.give(due(now), { type: 'failed', now }, { type: 'failed', now });
    expect(election.leads(20_000)).toBe(false);
    election.give(due(20_000), found(20_000, leaseOf({ holder: 'one' }))).accept(20_001);
    expect(election.leads(20_002)).toBe(true);
  });

  it('pauses when it can read the Lease and not write it', () => {
    const election = new Election().give(due(0), found(0)).accept(0).give(due(2000), { type: 'failed', now: 2010 });
    expect(election.effect).toEqual({ type: 'send', request: { type: 'read' } });
    const mine = leaseOf({ holder: 'one' });
    expect(election.give(found(2020, mine)).effect).toMatchObject({ request: { type: 'replace' } });
    expect(election.give({ type: 'failed', now: 2030 }).effect).toEqual({ type: 'wait', ms: 2000 });
    expect(election.give(due(4030)).effect).toMatchObject({ request: { type: 'replace' } });
  });

  it('releases the Lease when it stops, and tries once more with the current Lease if that fails', () => {
    const election = new Election().give(due(0), found(0)).accept(0).give({ type: 'stop', now: 500 });
    const released = { holder: '', durationSeconds: 1, acquireTime: 500, renewTime: 500, transitions: 0 };
    expect(election.effect).toMatchObject({ request: { type: 'replace', record: released } });
    expect(election.leads(500)).toBe(false);
    election.give({ type: 'failed', now: 600 }, found(700, leaseOf({ holder: 'one' }, '7')));
    expect(election.effect).toMatchObject({
      request: { lease: leaseOf({ holder: 'one' }, '7'), record: { holder: '' } },
    });
    expect(election.accept(800).effect).toEqual({ type: 'end' });
  });

  it('does not release a Lease that it does not hold', () => {
    expect(new Election().give(due(0), found(0, leaseOf()), { type: 'stop', now: 1 }).effect).toEqual({ type: 'end' });
    expect(new Election().give({ type: 'stop', now: 1 }).effect).toEqual({ type: 'end' });
  });
});

const secondsUpTo = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most * 1000 });
const weather: fc.Arbitrary<Weather> = fc.record({
  candidates: fc.array(
    fc.record({
      clockOffsetMs: fc.integer({ min: -1e12, max: 1e12 }),
      clockRate: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
      startMs: secondsUpTo(30),
      /** Ends with or without releasing the Lease; then a new process takes its place. */
      ends: fc.array(fc.record({ atMs: secondsUpTo(240), isOrderly: fc.boolean() }), { maxLength: 2 }),
      /** During these, its requests or their answers are lost. */
      partitions: fc.array(
        fc.record({
          fromMs: secondsUpTo(240),
          lastsMs: secondsUpTo(60),
          loses: fc.constantFrom('requests', 'answers'),
        }),
        { maxLength: 4 },
      ),
    }),
    { minLength: 2, maxLength: 5 },
  ),
  seed: fc.integer(),
  mostDelayMs: fc.constantFrom(1, 50, 1000, 8000),
});

describe('several candidates with clocks of their own, behind a network that fails', () => {
  it('never lead at the same time, and one of them leads when the network is whole again', () => {
    fc.assert(
      fc.property(weather, (given) => {
        const { leadersTogether, leadersAtTheEnd, terms } = simulate(given, { untilMs: 420_000 });
        expect(leadersTogether).toBeLessThanOrEqual(1);
        expect(leadersAtTheEnd).toBe(1);
        expect(terms).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
