import type { Lease, LeaseRecord } from '@flotilla/kube-port';
import {
  defaultTiming,
  initialState,
  leadsUntil,
  step,
  type Candidate,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionState,
} from './machine.ts';

/** What befalls the candidates of one election. Times are real ones, from the beginning. */
export interface Weather {
  readonly candidates: readonly {
    readonly clockOffsetMs: number;
    readonly clockRate: number;
    readonly startMs: number;
    readonly ends: readonly { readonly atMs: number; readonly isOrderly: boolean }[];
    readonly partitions: readonly {
      readonly fromMs: number;
      readonly lastsMs: number;
      readonly loses: 'requests' | 'answers';
    }[];
  }[];
  readonly seed: number;
  /** The longest that a request, or its answer, is on its way. */
  readonly mostDelayMs: number;
}

interface Process {
  readonly candidate: Candidate;
  readonly weather: Weather['candidates'][number];
  state: ElectionState;
  /** What it waits for: answers and pauses of earlier turns have no effect. */
  turn: number;
  mode: 'running' | 'stopping' | 'ended';
}

export interface Outcome {
  /** The most that led at any one time. */
  readonly leadersTogether: number;
  readonly leadersAtTheEnd: number;
  /** How often somebody began to lead. */
  readonly terms: number;
}

/**
 * Runs an election in simulated time: an API server that keeps resource versions, and requests that are late or lost.
 * Everything is well for the last two minutes.
 */
export function simulate(
  { candidates, seed, mostDelayMs }: Weather,
  { untilMs }: { readonly untilMs: number },
): Outcome {
  const random = createRandom(seed);
  const schedule: { readonly ms: number; readonly run: () => void }[] = [];
  let nowMs = 0;
  let stored: Lease | undefined;
  let version = 0;
  const processes: Process[] = [];
  const delay = (): number => random() * (nowMs < untilMs - 120_000 ? mostDelayMs : 50);
  const later = (ms: number, run: () => void): void => void schedule.push({ ms: nowMs + ms, run });
  const localTime = ({ weather }: Process): number => weather.clockOffsetMs + nowMs * weather.clockRate;
  const leads = (process: Process): boolean =>
    process.mode === 'running' && localTime(process) < leadsUntil(process.state, process.candidate);
  const loses = ({ weather }: Process, kind: 'requests' | 'answers'): boolean =>
    weather.partitions.some((one) => one.loses === kind && nowMs >= one.fromMs && nowMs < one.fromMs + one.lastsMs);

  /** The API server's answer; undefined for a conflict. */
  function serve(request: ElectionRequest): { readonly lease: Lease | undefined } | undefined {
    if (request.type === 'read') return { lease: stored };
    const expected = request.type === 'create' ? undefined : request.lease.object.metadata.resourceVersion;
    if (stored?.object.metadata.resourceVersion !== expected) return undefined;
    stored = leaseOf(request.record, (version += 1));
    return { lease: stored };
  }

  function give(process: Process, event: ElectionEvent): void {
    const [state, effect] = step(process.state, event, process.candidate);
    process.state = state;
    const turn = (process.turn += 1);
    const continueWith = (next: () => ElectionEvent): void => {
      if (process.turn === turn && process.mode !== 'ended') give(process, next());
    };
    if (effect.type === 'end') process.mode = 'ended';
    else if (effect.type === 'wait')
      later(process.mode === 'stopping' ? 0 : effect.ms / process.weather.clockRate, () =>
        continueWith(() => ({ type: process.mode === 'stopping' ? 'stop' : 'due', now: localTime(process) })),
      );
    else {
      const { request } = effect;
      later(process.candidate.renewDeadlineMs / 2 / process.weather.clockRate, () =>
        continueWith(() => ({ type: 'failed', now: localTime(process) })),
      );
      if (loses(process, 'requests')) return;
      later(delay(), () => {
        const answer = serve(request);
        if (loses(process, 'answers')) return;
        later(delay(), () =>
          continueWith(() => {
            const now = localTime(process);
            if (!answer) return { type: 'failed', now };
            const { lease } = answer;
            return request.type === 'read' || !lease ? { type: 'found', lease, now } : { type: 'written', lease, now };
          }),
        );
      });
    }
  }

  function start(weather: Weather['candidates'][number], identity: string): void {
    const candidate = { ...defaultTiming, identity, random };
    const process: Process = { candidate, weather, state: initialState, turn: 0, mode: 'running' };
    processes.push(process);
    give(process, { type: 'due', now: localTime(process) });
  }

  /** Requests of a process that ends still take effect. */
  function end(identity: string, isOrderly: boolean): void {
    for (const process of processes)
      if (process.candidate.identity === identity && process.mode === 'running')
        process.mode = isOrderly ? 'stopping' : 'ended';
  }

  for (const [index, weather] of candidates.entries()) {
    later(weather.startMs, () => start(weather, `process-${index}`));
    for (const [number, { atMs, isOrderly }] of weather.ends.entries()) {
      const previous = (): string | undefined =>
        processes.findLast((process) => process.weather === weather)?.candidate.identity;
      later(atMs, () => end(previous() ?? '', isOrderly));
      later(atMs + 5000, () => start(weather, `process-${index}-${number}`));
    }
  }

  let leadersTogether = 0;
  let terms = 0;
  let before = new Set<Process>();
  for (;;) {
    schedule.sort((a, b) => b.ms - a.ms);
    const next = schedule.pop();
    if (!next || next.ms > untilMs) break;
    nowMs = next.ms;
    next.run();
    const leaders = new Set(processes.filter(leads));
    leadersTogether = Math.max(leadersTogether, leaders.size);
    terms += [...leaders].filter((process) => !before.has(process)).length;
    before = leaders;
  }
  return { leadersTogether, leadersAtTheEnd: processes.filter(leads).length, terms };
}

function leaseOf(record: LeaseRecord, version: number): Lease {
  const metadata = { name: 'galley', namespace: 'istio-system', resourceVersion: String(version) };
  return { ...record, object: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata } };
}

/** Uniform from 0 to 1, the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
