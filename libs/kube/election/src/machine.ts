import type { Lease, LeaseRecord } from '@flotilla/kube-port';

export interface ElectionTiming {
  /** How long a Lease is valid after its last renewal; a multiple of 1 s. */
  readonly leaseDurationMs: number;
  /** How long a leader leads after its last renewal. Less than `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
  /** The leader's pause between two attempts; a candidate's is 1 to 2.2 times as long, at random. */
  readonly retryPeriodMs: number;
}

/** The defaults of Kubernetes' components, such as kube-controller-manager. */
export const defaultTiming: ElectionTiming = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };
/** The largest int32: of a Lease with a larger count, the API server accepts no change. */
const maxTransitions = 2 ** 31 - 1;
/** client-go's JitterFactor. */
const jitter = 1.2;

export interface Candidate extends ElectionTiming {
  /** The holder that it writes into the Lease; unique among all candidates. */
  readonly identity: string;
  /** Uniform from 0 to 1. */
  readonly random: () => number;
}

export interface ElectionState {
  /** The Lease as last seen, and the local time at which that content was first seen; undefined when there was none. */
  readonly observed: { readonly lease: Lease; readonly since: number } | undefined;
  /** When the last successful renewal of this process was sent; undefined while it does not hold the Lease. */
  readonly renewedAt: number | undefined;
  /** Attempts so far to release the Lease; undefined while the process takes part in the election. */
  readonly releases: number | undefined;
  /** The request that is in flight; `isAfterRead` when the Lease was read immediately before. */
  readonly pending: {
    readonly type: ElectionRequest['type'];
    readonly sentAt: number;
    readonly isAfterRead: boolean;
  };
}

export type ElectionRequest =
  | { readonly type: 'read' }
  | { readonly type: 'create'; readonly record: LeaseRecord }
  | { readonly type: 'replace'; readonly lease: Lease; readonly record: LeaseRecord };

/** `now` is the local time, in milliseconds. */
export type ElectionEvent = { readonly now: number } &
  /** The pause is over. */
  (
    | { readonly type: 'due' }
    /** The Lease that was read; undefined when it does not exist. */
    | { readonly type: 'found'; readonly lease: Lease | undefined }
    /** The Lease that was created or replaced. */
    | { readonly type: 'written'; readonly lease: Lease }
    /** The request failed, or its answer took too long; the request may have taken effect nevertheless. */
    | { readonly type: 'failed' }
    /** The process stops, possibly in the middle of a pause. */
    | { readonly type: 'stop' }
  );

export type ElectionEffect =
  | { readonly type: 'send'; readonly request: ElectionRequest }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'end' };
type Next = readonly [ElectionState, ElectionEffect];

export const initialState: ElectionState = {
  observed: undefined,
  renewedAt: undefined,
  releases: undefined,
  pending: { type: 'read', sentAt: 0, isAfterRead: false },
};

/** When leadership ends unless it is renewed; -Infinity for a process that does not lead. */
export const leadsUntil = ({ renewedAt, releases }: ElectionState, { renewDeadlineMs }: ElectionTiming): number =>
  renewedAt === undefined || releases !== undefined ? -Infinity : renewedAt + renewDeadlineMs;

/**
 * Leader election as client-go's package `leaderelection` does it: a candidate waits until a Lease has not changed
 * for the duration that its holder wrote into it, by the candidate's own clock. The times in the Lease are for people.
 *
 *     waiting ──due──▶ reading ──found: held by another──▶ waiting
 *        ▲ │              ▲ └─found: absent, free, or its own──▶ writing
 *        │ └─due: leads───┼────────────────────────────────────▶ writing
 *        │                └─────failed once, though it held it─────┤ │
 *        └────────────────────────────written, or failed───────────┴─┘
 *
 *     waiting ──stop: a holder releases the Lease──▶ end
 *
 * A process leads for `renewDeadlineMs` after it sent its last successful renewal. Others take over `leaseDurationMs`
 * after they have seen that renewal, which is later. So two lead at once only if one clock runs 1.5 times as fast as
 * the other, or if somebody else edits or deletes the Lease.
 */
export function step(state: ElectionState, event: ElectionEvent, candidate: Candidate): Next {
  const { now } = event;
  switch (event.type) {
    case 'due':
      return now < leadsUntil(state, candidate) ? write(state, candidate, now) : send(state, { type: 'read' }, now);
    case 'found': {
      const next = observe(state, { lease: event.lease, now }, candidate);
      if (next.releases !== undefined) return afterRead(release(next, candidate, now));
      return isFree(next, candidate, now) ? afterRead(write(next, candidate, now)) : wait(next, candidate);
    }
    case 'written': {
      const { sentAt } = state.pending;
      const next = observe({ ...state, renewedAt: sentAt }, { lease: event.lease, now }, candidate);
      return next.releases === undefined ? wait(next, candidate) : [next, { type: 'end' }];
    }
    case 'failed':
      // Another process may have written the Lease, or this request may have taken effect: read it to find out. If it
      // was read just before, it can't be written at the moment.
      if (state.pending.type === 'replace' && !state.pending.isAfterRead && state.renewedAt !== undefined)
        return send(state, { type: 'read' }, now);
      return state.releases === undefined ? wait(state, candidate) : [state, { type: 'end' }];
    case 'stop':
      return release({ ...state, releases: 0 }, candidate, now);
  }
}

/** Takes note of the Lease as it is now. Its validity starts again only when its content has changed. */
function observe(
  state: ElectionState,
  { lease, now }: { readonly lease: Lease | undefined; readonly now: number },
  { identity }: Candidate,
): ElectionState {
  const before = state.observed;
  const since = lease && before && isSame(lease, before.lease) ? before.since : now;
  const isHolder = lease?.holder === identity;
  return {
    ...state,
    observed: lease && { lease, since },
    renewedAt: isHolder ? state.renewedAt : undefined,
  };
}

const isSame = (a: LeaseRecord, b: LeaseRecord): boolean =>
  a.holder === b.holder &&
  a.renewTime === b.renewTime &&
  a.acquireTime === b.acquireTime &&
  a.transitions === b.transitions &&
  a.durationSeconds === b.durationSeconds;

function isFree({ observed }: ElectionState, { identity, leaseDurationMs }: Candidate, now: number): boolean {
  if (!observed || observed.lease.holder === '' || observed.lease.holder === identity) return true;
  const { lease, since } = observed;
  const promisedMs = lease.durationSeconds > 0 ? lease.durationSeconds * 1000 : leaseDurationMs;
  return now >= since + promisedMs;
}

/** Takes or renews the Lease. */
function write(state: ElectionState, { identity, leaseDurationMs }: Candidate, now: number): Next {
  const lease = state.observed?.lease;
  const isHolder = lease?.holder === identity;
  const record: LeaseRecord = {
    holder: identity,
    durationSeconds: leaseDurationMs / 1000,
    acquireTime: lease && isHolder ? lease.acquireTime : now,
    renewTime: now,
    transitions: lease ? Math.min(lease.transitions + (isHolder ? 0 : 1), maxTransitions) : 0,
  };
  return send(state, lease ? { type: 'replace', lease, record } : { type: 'create', record }, now);
}

/** Releases the Lease as client-go does: without a holder, and valid for 1 s. Makes at most two attempts. */
function release(state: ElectionState, { identity }: Candidate, now: number): Next {
  const { observed, releases = 0 } = state;
  if (observed?.lease.holder !== identity || releases >= 2) return [state, { type: 'end' }];
  const { lease } = observed;
  const record = { holder: '', durationSeconds: 1, acquireTime: now, renewTime: now, transitions: lease.transitions };
  return send({ ...state, releases: releases + 1 }, { type: 'replace', lease, record }, now);
}

const send = (state: ElectionState, request: ElectionRequest, now: number): Next => [
  { ...state, pending: { type: request.type, sentAt: now, isAfterRead: false } },
  { type: 'send', request },
];

const afterRead = ([state, effect]: Next): Next => [
  { ...state, pending: { ...state.pending, isAfterRead: true } },
  effect,
];

const wait = (state: ElectionState, { retryPeriodMs, random }: Candidate): Next => [
  state,
  { type: 'wait', ms: state.renewedAt === undefined ? retryPeriodMs * (1 + jitter * random()) : retryPeriodMs },
];
