import type { KeySetProblem, KeySetSource } from '@flotilla/model';
import { keySetChange, wantedKeySets } from '@flotilla/pilot-world';
import { Subject, type Change, type Engine, type Watch } from '@flotilla/query';

export interface KeySetsOptions {
  readonly engine: Engine;
  readonly source: KeySetSource | undefined;
  /** Takes over keys that the source has given. */
  readonly settle: (changes: readonly Change[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}
export interface KeySets {
  /** To be called after a change of configuration: tells the source which key sets are needed, if that has changed. */
  follow(changed: ReadonlySet<Watch>): void;
  /**
   * Resolves when each key set that is needed now is in force or has failed, and after a bounded time at the
   * latest.
   */
  settled(): Promise<void>;
  problems(): readonly KeySetProblem[];
}

/**
 * Keeps the World's key sets: those that RequestAuthentications need are requested from the source, and what it gives
 * is an input of the queries like any other. So a push never waits for a key set, and a key set that changes is only
 * sent to the proxies that use it.
 */
export function followKeySets({ engine, source, settle, onError, signal }: KeySetsOptions): KeySets {
  if (!source) return { follow: () => {}, settled: () => Promise.resolve(), problems: () => [] };
  const everybody = new Subject({});
  const watch = engine.watch(wantedKeySets, '', everybody);
  let settling: Promise<unknown> = Promise.resolve();
  const subscription = source.subscribe((key, jwks) => {
    settling = settle([keySetChange(key, jwks)]).catch(onError);
  }, signal);
  return {
    follow(changed) {
      if (!changed.has(watch)) return;
      try {
        subscription.want(engine.read(wantedKeySets, '', everybody));
      } catch (error) {
        onError(error);
      }
    },
    async settled() {
      await subscription.answered();
      await settling;
    },
    problems: () => subscription.problems(),
  };
}
