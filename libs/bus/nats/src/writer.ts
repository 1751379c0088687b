import { batchToBytes, createBusState, encodeBatch, type EncodedBatch, type Publisher } from '@flotilla/bus-port';
import { messageOf, pause } from '@flotilla/std';
import { createAppender, Overtaken, retryMs, type Append, type AppenderOptions } from './append.ts';
import { createBacklog } from './backlog.ts';
import { HolderWatch } from './holder-watch.ts';
import { Tenure } from './tenure.ts';
import { createWaiters } from './waiters.ts';
import { claimOn, type LogEnd } from './write-log.ts';

/**
 * Which part a publisher has: `active` writes the log; `standby` holds its state ready while another writes; `starting`
 * has not found out yet, or has no complete state to take over with.
 */
export type Role = 'starting' | 'active' | 'standby';

/** Elects the galley that writes, where the log itself does not decide. */
export interface WriterElection {
  isLeader(): boolean;
  /** Calls `listener` at each change. */
  onChange(listener: () => void): () => void;
  /** The leader has left the log. */
  tryNow(): void;
}

export interface WriterOptions extends AppenderOptions {
  /** Unlike that of any other writer, and one token of a subject. */
  readonly name: string;
  readonly onRole: (role: Role, reason: string) => void;
  /** A holder of the log counts as gone when it has not answered for this long. */
  readonly leaseMs?: number;
  /** Without an election, the first writer that finds the log free, or its holder gone, takes it. */
  readonly election?: WriterElection | undefined;
}
export interface Writer extends Publisher {
  /** Looks at the log now rather than at the next occasion: the connection is back. */
  check(): void;
  /** Resolves when the signal has aborted and the log is left. */
  readonly ended: Promise<void>;
}

/** A standby sends the holder a request so often; the holder looks so often whether the log is still its own. */
const lookMs = { standby: 500, active: 2000 };

export function createWriter(options: WriterOptions): Writer {
  const writer = new LogWriter(options);
  const { signal, election } = options;
  const unsubscribe = election?.onChange(() => writer.check());
  signal.addEventListener('abort', () => unsubscribe?.(), { once: true });
  return {
    async publish(batch, ended) {
      const version = writer.add(encodeBatch(batch));
      if (version !== undefined) await writer.written(version, ended ? AbortSignal.any([ended, signal]) : signal);
    },
    check: () => writer.check(),
    ended: writer.run(),
  };
}

/**
 * The writer's side of the log. It writes only behind the end that it wrote itself, which the server checks, so that a
 * writer that was overtaken can write nothing.
 *
 *     starting ──▶ standby ──(holder left, or silent for the lease)──▶ claim: a base of its own ──▶ active
 *        └────────────────(nobody holds the log)──────────────────────────▲                          │
 *                        standby ◀──(another's entry at the end)─────────────────────────────────────┤
 *                        claim   ◀──(the log was lost, emptied or made again)────────────────────────┘
 *
 * With an election, only the leader claims the log, even if another writer holds it. A holder that has lost the
 * election keeps writing until another one claims the log: while nobody can be elected because the API server is
 * unreachable, nothing changes.
 *
 * A state is claimed with when it is complete, so readers go from one complete state to the next. One turn after
 * another, nothing runs beside it.
 */
class LogWriter {
  readonly #options: WriterOptions;
  readonly #append: Append;
  readonly #holder: HolderWatch;
  readonly #state = createBusState();
  readonly #backlog = createBacklog();
  readonly #waiters = createWaiters();
  #tenure: Tenure | undefined;
  #claims = 0;
  #role: Role = 'starting';
  #isCheckDue = false;
  /** The latest change that the log holds. */
  #written = 0;
  #wake = (): void => {};

  constructor(options: WriterOptions) {
    const { log, clock, leaseMs = 3000 } = options;
    this.#options = options;
    this.#append = createAppender(options);
    this.#holder = new HolderWatch(log, clock, leaseMs);
  }

  /** Takes a batch; returns the number that `written` is called with, or undefined when nobody has to wait. */
  add(batch: EncodedBatch): number | undefined {
    const fresh = this.#state.take(batch);
    if (fresh) this.#backlog.add(fresh);
    const { version } = this.#backlog;
    if (version <= this.#written || this.#role === 'standby') return undefined;
    this.#wake();
    return version;
  }

  /** Resolves when the log holds a change, or need not. */
  written(version: number, signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(version, signal);
  }

  check(): void {
    this.#isCheckDue = true;
    this.#wake();
  }

  async run(): Promise<void> {
    const { signal, clock, onProblem } = this.#options;
    let wait = retryMs.first;
    while (!signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      try {
        const idle = await (this.#tenure ? this.#hold(this.#tenure) : this.#standBy());
        wait = retryMs.first;
        if (idle > 0) {
          await pause(idle, AbortSignal.any([signal, woken.signal]), clock);
          this.#isCheckDue ||= this.#tenure !== undefined && this.#backlog.isEmpty;
        }
      } catch (error) {
        if (error instanceof Overtaken) {
          this.#stepDown(error);
          // Two that both take themselves for the leader would overtake each other without a pause.
          if (this.#options.election?.isLeader()) await pause(lookMs.standby, signal, clock);
        } else if (!signal.aborted) {
          this.#holder.reset();
          onProblem(messageOf(error));
          await pause(wait, signal, clock);
          wait = Math.min(wait * 2, retryMs.most);
        }
      }
    }
    await this.#tenure?.release(this.#options.log);
    this.#options.log.answerFor(undefined);
  }

  /** What a writer without the log does next; returns how long it can wait then. */
  async #standBy(): Promise<number> {
    if (!this.#state.isComplete) {
      this.#waiters.release(this.#backlog.version);
      return Infinity;
    }
    const end = await this.#options.log.end();
    const claimed = claimOn(end, (term) => this.#isOwn(term));
    if (!(await this.#mayClaim(claimed))) {
      this.#setRole('standby', claimed.free ? 'it is not elected' : `${claimed.holder} writes the log`);
      this.#backlog.clear();
      this.#waiters.release(this.#backlog.version);
      return lookMs.standby;
    }
    await this.#claim(end);
    this.#waiters.release(this.#written);
    return 0;
  }

  async #mayClaim(claimed: ReturnType<typeof claimOn>): Promise<boolean> {
    const { election } = this.#options;
    if (!election) return claimed.free || this.#holder.isGone(claimed.holder);
    if (election.isLeader()) return true;
    if (claimed.free) election.tryNow();
    return false;
  }

  async #claim(end: LogEnd): Promise<void> {
    this.#claims += 1;
    const term = `${this.#options.name}-${this.#claims}`;
    this.#options.log.answerFor(term);
    const { bytes, version } = this.#snapshot();
    this.#tenure = await Tenure.claim({ term, end, bytes }, this.#append);
    this.#written = version;
    this.#isCheckDue = false;
    this.#setRole('active', end.tail ? `follows ${end.tail.term}` : 'the log was empty');
  }

  /** What the holder of the log does next; returns how long it can wait then. */
  async #hold(tenure: Tenure): Promise<number> {
    if (this.#isCheckDue) {
      tenure.check(await this.#options.log.end());
      this.#isCheckDue = false;
    }
    if (this.#backlog.overflowed) await this.#rebase(tenure);
    const change = this.#backlog.take();
    if (change) {
      await tenure.addChange(change.bytes);
      this.#written = change.version;
    }
    this.#waiters.release(this.#written);
    if (tenure.isBaseDue) await this.#rebase(tenure);
    if (!this.#backlog.isEmpty) return 0;
    await tenure.trim(this.#options.log);
    return lookMs.active;
  }

  async #rebase(tenure: Tenure): Promise<void> {
    const isNews = !this.#backlog.isEmpty;
    const { bytes, version } = this.#snapshot();
    await tenure.addBase(bytes, isNews);
    this.#written = version;
  }

  /** What a base of now consists of; the backlog is part of it. */
  #snapshot(): { readonly bytes: Uint8Array; readonly version: number } {
    this.#backlog.clear();
    return { bytes: batchToBytes(this.#state.whole()), version: this.#backlog.version };
  }

  #stepDown({ end: { tail } }: Overtaken): void {
    const isOther = tail !== undefined && !this.#isOwn(tail.term);
    if (this.#tenure && !isOther) this.#options.onProblem('the log has lost what was written; writing it again');
    if (this.#tenure && isOther) this.#holder.waitLonger();
    this.#tenure = undefined;
    this.#holder.reset();
    this.#options.log.answerFor(undefined);
    if (isOther) this.#setRole('standby', `${tail.term} has taken over the log`);
  }

  #isOwn(term: string): boolean {
    return term.startsWith(`${this.#options.name}-`);
  }

  #setRole(next: Role, reason: string): void {
    if (next === this.#role) return;
    this.#role = next;
    this.#options.onRole(next, reason);
  }
}
