import type { KeySetProblem, KeySetSource } from '@flotilla/model';
import { keySetChange, wantedKeySets } from '@flotilla/pilot-world';
import { Subject, type Change, type Engine, type Watch } from '@flotilla/query';

export interface KeySetsOptions {
  readonly engine: Engine;
  readonly source: KeySetSource | undefined;
  /** Takes keys that have come. */
  readonly settle: (changes: readonly Change[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}
export interface KeySets {
  /** Configuration has changed: requests the key sets that it needs if those are others now. */
  follow(changed: ReadonlySet<Watch>): void;
  /** Resolves when the key sets that are needed now are in force or have failed, after a bounded time at the latest. */
  settled(): Promise<void>;
  problems(): readonly KeySetProblem[];
}

/**
 * Keeps the World's key sets: those that RequestAuthentications need are requested from the source, and what it gives
 * is an input of the queries as any other. So no push waits for a key set, and only proxies that use one that has
 * changed are sent something.
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
