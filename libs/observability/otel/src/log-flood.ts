import { createTokenBuckets, hashBytes, type Clock, type TokenBuckets } from '@flotilla/std';
import type { Entry } from './log-line.ts';

/**
 * How many lines a minute are written; a quiet minute allows as many at once. Debug and trace have ten times as many of
 * their own.
 */
export interface LogLimits {
  readonly perPeer: number;
  readonly perScope: number;
}
export const defaultLogLimits: LogLimits = { perPeer: 60, perScope: 1200 };
/**
 * `repeated`: the same line was written a moment ago; `peer`, `scope`: more lines than these may have; `unwritable`:
 * nobody reads the log.
 */
export const leftOutReasons = ['repeated', 'peer', 'scope', 'unwritable'] as const;
export type LeftOutReason = (typeof leftOutReasons)[number];

export interface FloodOptions {
  readonly clock: Clock;
  readonly limits: LogLimits;
  write(entry: Entry): void;
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
interface Budget {
  readonly peers: TokenBuckets;
  readonly scopes: TokenBuckets;
}
interface LeftOut {
  lines: number;
  readonly since: number;
  readonly byPeer: Map<string, number>;
}

/**
 * Keeps a log from being filled. A line that was written within the last 10 s is counted, and written again with how
 * often it came; a peer, and a scope altogether, get so many lines a minute, and what is more is summed up in one line
 * for each scope every 10 s. Holds no more than its limits, however many lines and peers there are.
 */
export class LogFlood {
  readonly #options: FloodOptions;
  readonly #remembered = new Map<string, Repeated>();
  readonly #lines: Budget;
  readonly #debugLines: Budget;
  readonly #leftOut = new Map<string, LeftOut>();
  #cancel: (() => void) | undefined;

  constructor(options: FloodOptions) {
    this.#options = options;
    const budget = (factor: number): Budget => ({
      peers: perMinute(options.limits.perPeer * factor, options.clock),
      scopes: perMinute(options.limits.perScope * factor, options.clock),
    });
    [this.#lines, this.#debugLines] = [budget(1), budget(debugFactor)];
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
    const refused = this.#refuse(entry);
    if (refused) return this.#leaveOut(entry, { reason: refused, now });
    write(entry);
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
    this.#cancel?.();
    this.#cancel = undefined;
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
      this.#options.write({
        level: 'warn',
        ...(scope === '' ? {} : { scope }),
        message: 'log lines were left out: too many in a minute',
        fields: { lines, inMs: now - since, mostOf: most },
      });
    }
    this.#leftOut.clear();
  }

  #writeRepeated({ entry, since, times }: Repeated, now: number): void {
    if (times > 0) this.#options.write({ ...entry, fields: { ...entry.fields, timesMore: times, inMs: now - since } });
  }

  /** A scope's lines are not taken from it by one peer: the peer's are looked at first. */
  #refuse(entry: Entry): LeftOutReason | undefined {
    const { peers, scopes } = entry.level === 'debug' || entry.level === 'trace' ? this.#debugLines : this.#lines;
    const scope = entry.scope ?? '';
    if (peers.take(`${scope} ${causeOf(entry)}`) > 0) return 'peer';
    return scopes.take(scope) > 0 ? 'scope' : undefined;
  }

  #leaveOut(entry: Entry, { reason, now }: { reason: LeftOutReason; now: number }): void {
    const scope = entry.scope ?? '';
    const leftOut = this.#leftOut.get(scope) ?? { lines: 0, since: now, byPeer: new Map<string, number>() };
    leftOut.lines += 1;
    const cause = causeOf(entry);
    if (leftOut.byPeer.has(cause) || leftOut.byPeer.size < maxRemembered)
      leftOut.byPeer.set(cause, (leftOut.byPeer.get(cause) ?? 0) + 1);
    this.#leftOut.set(scope, leftOut);
    this.#options.onLeftOut(reason);
    this.#sumUpLater();
  }

  #sumUpLater(): void {
    this.#cancel ??= this.#options.clock.after(windowMs, () => this.sumUp());
  }
}

const perMinute = (lines: number, clock: Clock): TokenBuckets =>
  createTokenBuckets({ perSecond: lines / 60, burst: lines, clock, maxKeys: maxPeers });

/**
 * Who caused a line: the address it came from without the port, which each connection has another of; else what it is
 * about.
 */
function causeOf({ fields, message }: Entry): string {
  const { peer, proxy, identity } = fields;
  const cause = typeof peer === 'string' ? peer.replace(/:\d{1,5}$/, '') : (proxy ?? identity);
  return typeof cause === 'string' ? cause : message;
}
