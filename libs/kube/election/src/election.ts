import {
  createLease,
  getLease,
  isConflict,
  KubeError,
  replaceLease,
  type KubeApi,
  type Leadership,
  type Lease,
} from '@flotilla/kube-port';
import { pause, steadyClock, type Clock } from '@flotilla/std';
import {
  defaultTiming,
  initialState,
  leadsUntil,
  step,
  type Candidate,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionTiming,
} from './machine.ts';

export interface ElectionOptions {
  readonly api: KubeApi;
  /** The Lease, which is created if it does not exist. Needs the permissions get, create and update. */
  readonly namespace: string;
  readonly name: string;
  /**
   * The name of this process in the Lease, unique among all running processes. A process that finds its own name there
   * leads at once. The name of the pod is suitable: the previous container of the same pod has ended.
   */
  readonly identity: string;
  readonly timing?: ElectionTiming;
  readonly clock?: Clock;
  /** Uniform from 0 to 1; spreads the attempts of candidates. */
  readonly random?: () => number;
  /** Called after each attempt with its error, such as a missing permission, or undefined after a success. */
  readonly onFailure?: (thrown: unknown) => void;
}

/** Leadership by a Lease. */
export interface Election extends Leadership {
  /**
   * Takes part in the election until the signal aborts, then releases the Lease, so that another candidate can take it
   * at its next attempt, and resolves. Call it once.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Ends the current pause, so that the next attempt is made now: for when the leader is known to have left. */
  tryNow(): void;
  /** The last known holder of the Lease: empty when it has none, undefined before the Lease has been read. */
  holder(): string | undefined;
}

export function createElection(options: ElectionOptions): Election {
  const { api, namespace, name, identity, clock = steadyClock, onFailure = () => {} } = options;
  const candidate: Candidate = {
    ...(options.timing ?? defaultTiming),
    identity,
    random: options.random ?? Math.random,
  };
  const listeners = new Set<(isLeader: boolean) => void>();
  let state = initialState;
  let holder: string | undefined;
  let hasStopped = true;
  let wasLeader = false;
  let cancelDeadline = (): void => {};
  let wake = (): void => {};

  const isLeader = (): boolean => !hasStopped && clock.now() < leadsUntil(state, candidate);

  /** Notifies the listeners when leadership has begun or ended; runs again at the time at which leadership expires. */
  function announce(): void {
    cancelDeadline();
    const isNow = isLeader();
    if (isNow) cancelDeadline = clock.after(leadsUntil(state, candidate) - clock.now(), announce);
    if (isNow === wasLeader) return;
    wasLeader = isNow;
    for (const listener of [...listeners]) listener(isNow);
  }

  function send(request: ElectionRequest): Promise<Lease | undefined> {
    switch (request.type) {
      case 'read':
        return getLease(api, { namespace, name });
      case 'create':
        return createLease(api, { namespace, name }, request.record);
      case 'replace':
        return replaceLease(api, request.lease, request.record);
    }
  }

  async function attempt(request: ElectionRequest): Promise<ElectionEvent> {
    try {
      const lease = await withinTime(send(request), { clock, ms: candidate.renewDeadlineMs / 2 });
      onFailure(undefined);
      holder = lease?.holder ?? '';
      const now = clock.now();
      return request.type === 'read' || !lease ? { type: 'found', lease, now } : { type: 'written', lease, now };
    } catch (thrown) {
      if (!isConflict(thrown)) onFailure(thrown);
      return { type: 'failed', now: clock.now() };
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      hasStopped = true;
      announce();
    };
    signal.addEventListener('abort', stop, { once: true });
    hasStopped = signal.aborted;
    let event: ElectionEvent = { type: hasStopped ? 'stop' : 'due', now: clock.now() };
    for (;;) {
      const [next, effect] = step(state, event, candidate);
      state = next;
      announce();
      if (effect.type === 'end') return;
      if (effect.type === 'send') event = await attempt(effect.request);
      else {
        const woken = new AbortController();
        wake = () => woken.abort();
        await pause(effect.ms, AbortSignal.any([signal, woken.signal]), clock);
        event = { type: signal.aborted ? 'stop' : 'due', now: clock.now() };
      }
    }
  }

  return {
    run,
    isLeader,
    tryNow: () => wake(),
    holder: () => holder,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Rejects when the answer does not arrive in time; a later answer is ignored. */
async function withinTime<T>(
  answer: Promise<T>,
  { clock, ms }: { readonly clock: Clock; readonly ms: number },
): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(ms, () => reject(new KubeError(`no answer about the Lease within ${ms} ms`)));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}
