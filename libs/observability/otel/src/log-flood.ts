import { createTokenBuckets, hashBytes, type Clock, type TokenBuckets } from '@flotilla/std';
import type { Entry } from './log-line.ts';

/**
 * How many lines a minute are written, and how many bytes they may have; a quiet minute allows as many at once. Debug
 * and trace have ten times as many of their own.
 */
export interface LogLimits {
  readonly perPeer: number;
  readonly perScope: number;
  readonly bytesPerPeer: number;
  readonly bytesPerScope: number;
}
export const defaultLogLimits: LogLimits = {
  perPeer: 60,
  perScope: 1200,
  bytesPerPeer: 32_768,
  bytesPerScope: 262_144,
};
/**
 * `repeated`: the same line was written a moment ago; `peer`, `scope`: more lines or bytes than these may have;
 * `unwritable`: nobody reads the log.
 */
export const leftOutReasons = ['repeated', 'peer', 'scope', 'unwritable'] as const;
export type LeftOutReason = (typeof leftOutReasons)[number];

export interface FloodOptions {
  readonly clock: Clock;
  readonly limits: LogLimits;
  lineOf(entry: Entry): string;
  write(line: string): void;
  onLeftOut(reason: LeftOutReason): void;
}

const windowMs = 10_000;
const maxRemembered = 200;
const maxPeers = 2000;
const debugFactor = 10;

interface Repeated {
  readonly entry: Entry;
  since: number;
  times: number;
}
/** What a minute allows: lines, and their bytes. */
interface Budget {
  readonly lines: TokenBuckets;
  readonly bytes: TokenBuckets;
}
interface Budgets {
  readonly peers: Budget;
  readonly scopes: Budget;
}
interface LeftOut {
  lines: number;
  readonly since: number;
  readonly byPeer: Map<string, number>;
}

/**
 * Keeps a log from being filled. A line that was written within the last 10 s is counted, and written again with how
 * often it came; a peer or kind of line, and a scope altogether, get so many lines and bytes a minute, and what is more
 * is summed up in one line for each scope every 10 s. Holds no more than its limits, however many lines and peers there
 * are.
 */
export class LogFlood {
  readonly #options: FloodOptions;
  readonly #remembered = new Map<string, Repeated>();
  readonly #budgets: Budgets;
  readonly #debugBudgets: Budgets;
  readonly #leftOut = new Map<string, LeftOut>();
  #cancel: (() => void) | undefined;

  constructor(options: FloodOptions) {
    this.#options = options;
    const { limits, clock } = options;
    const budget = (lines: number, bytes: number): Budget => ({
      lines: perMinute(lines, clock),
      bytes: perMinute(bytes, clock),
    });
    const budgets = (factor: number): Budgets => ({
      peers: budget(limits.perPeer * factor, limits.bytesPerPeer * factor),
      scopes: budget(limits.perScope * factor, limits.bytesPerScope * factor),
    });
    [this.#budgets, this.#debugBudgets] = [budgets(1), budgets(debugFactor)];
  }

  pass(entry: Entry): void {
    const { clock, write } = this.#options;
    const now = clock.now();
    const { scope = '', level, message, fields } = entry;
    const id = hashBytes(JSON.stringify([scope, level, message, fields]));
    const known = this.#remembered.get(id);
    if (known && (known.times > 0 || Math.abs(now - known.since) < windowMs)) {
      known.times += 1;
      this.#options.onLeftOut('repeated');
      return this.#sumUpLater();
    }
    const admitted = this.#admit(entry);
    if ('refused' in admitted) return this.#leaveOut(entry, { reason: admitted.refused, now });
    write(admitted.line);
    this.#remembered.delete(id);
    this.#remembered.set(id, { entry, since: now, times: 0 });
    for (const [oldest, repeated] of this.#remembered) {
      if (this.#remembered.size <= maxRemembered) break;
      this.#remembered.delete(oldest);
      this.#writeRepeated(repeated, now);
    }
  }

  /** Writes what has been counted. */
  sumUp(): void {
    this.#stopTimer();
    const now = this.#options.clock.now();
    for (const [id, repeated] of this.#remembered) {
      if (repeated.times === 0) {
        if (now - repeated.since >= windowMs) this.#remembered.delete(id);
        continue;
      }
      this.#writeRepeated(repeated, now);
      [repeated.since, repeated.times] = [now, 0];
    }
    for (const [scope, { lines, since, byPeer }] of this.#leftOut) {
      const most = [...byPeer]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 3)
        .map(([peer, count]) => `${peer} (${count})`);
      const entry: Entry = {
        level: 'warn',
        ...(scope === '' ? {} : { scope }),
        message: 'log lines were left out: too many in a minute',
        fields: { lines, inMs: now - since, mostOf: most },
      };
      this.#options.write(this.#options.lineOf(entry));
    }
    this.#leftOut.clear();
    // Repetitions that the lines above had no room for are included here.
    this.#stopTimer();
  }

  /** The note that a line was repeated is a line too, and is dropped when there is no room for it. */
  #writeRepeated({ entry, since, times }: Repeated, now: number): void {
    if (times === 0) return;
    const repeated = { ...entry, fields: { ...entry.fields, timesMore: times, inMs: now - since } };
    const admitted = this.#admit(repeated);
    if ('refused' in admitted) this.#leaveOut(entry, { reason: admitted.refused, now, lines: times });
    else this.#options.write(admitted.line);
  }

  /**
   * The line of an entry, or why there is no room for it. The peer's limit is checked before the scope's, so that one
   * peer can't use up the scope's room.
   */
  #admit(entry: Entry): { readonly line: string } | { readonly refused: LeftOutReason } {
    const { peers, scopes } = entry.level === 'debug' || entry.level === 'trace' ? this.#debugBudgets : this.#budgets;
    const scope = entry.scope ?? '';
    const peer = `${scope} ${causeOf(entry)}`;
    if (peers.lines.take(peer) > 0) return { refused: 'peer' };
    const line = this.#options.lineOf(entry);
    const bytes = Buffer.byteLength(line);
    if (peers.bytes.take(peer, bytes) > 0) return { refused: 'peer' };
    return scopes.lines.take(scope) > 0 || scopes.bytes.take(scope, bytes) > 0 ? { refused: 'scope' } : { line };
  }

  #leaveOut(entry: Entry, { reason, now, lines = 1 }: { reason: LeftOutReason; now: number; lines?: number }): void {
    const scope = entry.scope ?? '';
    const leftOut = this.#leftOut.get(scope) ?? { lines: 0, since: now, byPeer: new Map<string, number>() };
    leftOut.lines += lines;
    const cause = causeOf(entry);
    if (leftOut.byPeer.has(cause) || leftOut.byPeer.size < maxRemembered)
      leftOut.byPeer.set(cause, (leftOut.byPeer.get(cause) ?? 0) + lines);
    this.#leftOut.set(scope, leftOut);
    this.#options.onLeftOut(reason);
    this.#sumUpLater();
  }

  #stopTimer(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sumUpLater(): void {
    this.#cancel ??= this.#options.clock.after(windowMs, () => this.sumUp());
  }
}

const perMinute = (tokens: number, clock: Clock): TokenBuckets =>
  createTokenBuckets({ perSecond: tokens / 60, burst: tokens, clock, maxKeys: maxPeers });

/**
 * Who or what caused a line: the address it came from without the port, which each connection has another of; the code
 * of a problem, of which each object may have another text; else what it is about.
 */
function causeOf({ fields, message }: Entry): string {
  const { peer, proxy, identity, code } = fields;
  const cause = typeof peer === 'string' ? peer.replace(/:\d{1,5}$/, '') : (proxy ?? identity ?? code);
  return typeof cause === 'string' ? cause : message;
}
