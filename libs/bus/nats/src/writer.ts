import { batchToBytes, createBusState, encodeBatch, type Publisher } from '@flotilla/bus-port';
import { messageOf, pause } from '@flotilla/std';
import { createAppender, Overtaken, retryMs, type AppenderOptions } from './append.ts';
import { createBacklog } from './backlog.ts';
import { partsOf } from './entry.ts';
import { createWaiters } from './waiters.ts';
import { claimOn, type Fence, type LogEnd } from './write-log.ts';

/**
 * Which part a publisher has: `active` writes the log; `standby` holds its state ready while another writes; `starting`
 * has not found out yet, or has no complete state to take over with.
 */
export type Role = 'starting' | 'active' | 'standby';

export interface WriterOptions extends AppenderOptions {
  /** Unlike that of any other writer, and one token of a subject. */
  readonly name: string;
  readonly onRole: (role: Role, reason: string) => void;
  /** A holder of the log that does not answer for so long is gone. */
  readonly leaseMs?: number;
}
export interface Writer extends Publisher {
  /** Looks at the log now rather than at the next occasion: the connection is back. */
  check(): void;
  /** Resolves when the signal has aborted and the log is left. */
  readonly ended: Promise<void>;
}

/** A new base is written when the changes since the last one are this many, or larger than it by this factor. */
const compaction = { entries: 1000, bytes: 4 * 1024 * 1024, factor: 2 };
/** A standby sends the holder a request so often; the holder looks so often whether the log is still its own. */
const lookMs = { standby: 500, active: 2000 };
const maxPatienceMs = 60_000;

/** What the active writer knows of its part of the log. */
interface Tenure {
  readonly term: string;
  readonly fence: Fence;
  /** Its last entry. */
  readonly n: number;
  /** Where the last base begins. */
  readonly base: number;
  readonly since: { entries: number; bytes: number; base: number };
  /** Terms with entries before the last base, until they are dropped. */
  trim: readonly string[] | undefined;
}

const isBaseDue = ({ entries, bytes, base }: Tenure['since']): boolean =>
  entries > compaction.entries || bytes > compaction.bytes + compaction.factor * base;

/** Whether the log ends as this writer left it, and has its last base still. */
const isIntact = ({ term, fence, base }: Tenure, { first, last, tail }: LogEnd): boolean =>
  last === fence.last && tail?.term === term && first <= base;

/**
 * The writer's side of the log. It writes only behind the end that it wrote itself, which the server checks, so that a
 * writer that was overtaken can write nothing.
 *
 *     starting ──▶ standby ──(holder left, or silent for the lease)──▶ claim: a base of its own ──▶ active
 *        └────────────────(nobody holds the log)──────────────────────────▲                          │
 *                        standby ◀──(another's entry at the end)─────────────────────────────────────┤
 *                        claim   ◀──(the log was lost, emptied or made again)────────────────────────┘
 *
 * A state is claimed with when it is complete, so readers go from one complete state to the next. One turn after
 * another, nothing runs beside it.
 */
export function createWriter(options: WriterOptions): Writer {
  const { log, clock, name, signal, onProblem, onRole, leaseMs = 3000 } = options;
  const append = createAppender(options);
  const state = createBusState();
  const backlog = createBacklog();
  const waiters = createWaiters();
  let tenure: Tenure | undefined;
  let claims = 0;
  let role: Role = 'starting';
  let silence: { readonly term: string; readonly since: number } | undefined;
  /** Grows when one that was taken for gone takes the log back: then it is the asking that fails. */
  let patienceMs = leaseMs;
  let isCheckDue = false;
  /** The latest change that the log holds. */
  let written = 0;
  let wake = (): void => {};

  function setRole(next: Role, reason: string): void {
    if (next === role) return;
    role = next;
    onRole(next, reason);
  }

  /** What a base of now consists of; the backlog is part of it. */
  function snapshot(): { readonly bytes: Uint8Array; readonly version: number } {
    backlog.clear();
    return { bytes: batchToBytes(state.whole()), version: backlog.version };
  }

  async function claim(end: LogEnd): Promise<void> {
    claims += 1;
    const term = `${name}-${claims}`;
    log.answerFor(term);
    const { bytes, version } = snapshot();
    const { first, fence } = await append({ kind: 'base', term, n: 0, bytes }, { last: end.last, own: 0 });
    tenure = {
      term,
      fence,
      n: 0,
      base: first,
      since: { entries: 0, bytes: 0, base: bytes.length },
      trim: [...end.terms, term],
    };
    written = version;
    isCheckDue = false;
    setRole('active', end.tail ? `follows ${end.tail.term}` : 'the log was empty');
  }

  /** A base that has no more than its readers have already keeps the number: they skip it. */
  async function rebase(held: Tenure): Promise<void> {
    const n = backlog.isEmpty ? held.n : held.n + 1;
    const { bytes, version } = snapshot();
    const { first, fence } = await append({ kind: 'base', term: held.term, n, bytes }, held.fence);
    Object.assign(held.since, { entries: 0, bytes: 0, base: bytes.length });
    Object.assign(held, { n, fence, base: first, trim: [...(held.trim ?? []), held.term] });
    written = version;
  }

  /** What one writer does next; returns how long it can wait then. */
  const turn = (): Promise<number> => (tenure ? holdLog(tenure) : standBy());

  async function standBy(): Promise<number> {
    if (!state.isComplete) {
      waiters.release(backlog.version);
      return Infinity;
    }
    const end = await log.end();
    const claimed = claimOn(end, (term) => term.startsWith(`${name}-`));
    if (!claimed.free && !(await isGone(claimed.holder))) {
      setRole('standby', `${claimed.holder} writes the log`);
      backlog.clear();
      waiters.release(backlog.version);
      return lookMs.standby;
    }
    await claim(end);
    waiters.release(written);
    return 0;
  }

  async function isGone(term: string): Promise<boolean> {
    if (await log.answers(term)) {
      [silence, patienceMs] = [undefined, leaseMs];
      return false;
    }
    if (silence?.term !== term) silence = { term, since: clock.now() };
    return clock.now() - silence.since >= patienceMs;
  }

  async function holdLog(held: Tenure): Promise<number> {
    if (isCheckDue) {
      const end = await log.end();
      if (!isIntact(held, end)) throw new Overtaken(end);
      isCheckDue = false;
    }
    if (backlog.overflowed) await rebase(held);
    const change = backlog.take();
    if (change) {
      const { fence } = await append(
        { kind: 'change', term: held.term, n: held.n + 1, bytes: change.bytes },
        held.fence,
      );
      Object.assign(held, { n: held.n + 1, fence });
      held.since.entries += 1;
      held.since.bytes += change.bytes.length;
      written = change.version;
    }
    waiters.release(written);
    if (isBaseDue(held.since)) await rebase(held);
    if (!backlog.isEmpty) return 0;
    if (held.trim) {
      await log.trim(held.trim, held.base);
      held.trim = undefined;
    }
    return lookMs.active;
  }

  function stepDown({ end: { tail } }: Overtaken): void {
    const isOther = tail !== undefined && !tail.term.startsWith(`${name}-`);
    if (tenure && !isOther) onProblem('the log has lost what was written; writing it again');
    if (tenure && isOther) patienceMs = Math.min(patienceMs * 2, maxPatienceMs);
    [tenure, silence] = [undefined, undefined];
    log.answerFor(undefined);
    if (isOther) setRole('standby', `${tail.term} has taken over the log`);
  }

  async function run(): Promise<void> {
    let wait = retryMs.first;
    while (!signal.aborted) {
      const woken = new AbortController();
      wake = () => woken.abort();
      try {
        const idle = await turn();
        wait = retryMs.first;
        if (idle > 0) {
          await pause(idle, AbortSignal.any([signal, woken.signal]), clock);
          isCheckDue ||= tenure !== undefined && backlog.isEmpty;
        }
      } catch (error) {
        if (error instanceof Overtaken) stepDown(error);
        else if (!signal.aborted) {
          // A failed request does not prove that the holder is gone.
          silence = undefined;
          onProblem(messageOf(error));
          await pause(wait, signal, clock);
          wait = Math.min(wait * 2, retryMs.most);
        }
      }
    }
    await leave();
  }

  /** Lets the next writer take over at once. */
  async function leave(): Promise<void> {
    const [part] = tenure ? partsOf({ kind: 'release', term: tenure.term, n: tenure.n, bytes: new Uint8Array() }) : [];
    if (tenure && part) await log.append(part, tenure.fence).catch(() => {});
    log.answerFor(undefined);
  }

  return {
    async publish(batch, ended) {
      const fresh = state.take(encodeBatch(batch));
      if (fresh) backlog.add(fresh);
      const { version } = backlog;
      if (version <= written || role === 'standby') return;
      wake();
      await waiters.wait(version, ended ? AbortSignal.any([ended, signal]) : signal);
    },
    check() {
      isCheckDue = true;
      wake();
    },
    ended: run(),
  };
}
