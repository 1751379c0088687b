import { batchFromBytes, createMirror, FormatError, type EncodedBatch } from '@flotilla/bus-port';
import type { Collection } from '@flotilla/model';
import { createAssembler, type Entry, type Part, type PartHead } from './entry.ts';

/**
 * Where a reader of the log is: after entry `n` of a term. It follows one term at a time, and leaves it only for the
 * base of another.
 */
export interface Position {
  readonly term: string;
  readonly n: number;
}

/**
 * What an entry is to a reader at `position`:
 *   1. a base of another term, or a later one of its own (what lay between was dropped): the whole state;
 *   2. the next change of its term: a change;
 *   3. anything else: an entry that was read before, or of a writer whose base it has not seen: nothing.
 */
function meaningOf(
  { kind, term, n }: Pick<Entry, 'kind' | 'term' | 'n'>,
  position: Position | undefined,
): 'whole' | 'change' | undefined {
  const isOwn = position?.term === term;
  if (kind === 'base' && !(isOwn && n <= position.n)) return 'whole';
  return kind === 'change' && isOwn && n === position.n + 1 ? 'change' : undefined;
}

/**
 * A reader of the log: takes parts in their order, also again, and returns what is different for it after each;
 * undefined when nothing is. An entry in a format that it does not read is a problem; a base that it reads is the next
 * that it takes.
 */
export function createFollower(
  collections: readonly Collection[],
  onProblem: (message: string) => void,
): (part: Part) => EncodedBatch | undefined {
  const assemble = createAssembler();
  const mirror = createMirror(collections);
  let position: Position | undefined;
  return (part) => {
    const entry = assemble(part);
    const meaning = entry && meaningOf(entry, position);
    if (!meaning) return undefined;
    position = undefined;
    try {
      const fresh = mirror.apply(batchFromBytes(entry.bytes), { whole: meaning === 'whole' });
      position = { term: entry.term, n: entry.n };
      return fresh;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      onProblem(error.message);
      return undefined;
    }
  };
}

/** Which message of the stream a reader takes next, though a server may have lost or replaced what was read. */
export interface Cursor {
  /** The first message to ask for. */
  readonly from: number;
  /** The stream may be another than before: its last message that was read is looked at again. */
  doubt(): void;
  /**
   * What to do with the first message that there is from `from` on: read it, leave it, or ask again, since `from` is
   * the beginning now.
   */
  take(sequence: number, head: PartHead | undefined): 'read' | 'leave' | 'ask again';
  /** There is no message from `from` on. */
  end(): 'done' | 'ask again';
}

export function createCursor(): Cursor {
  let last: { readonly sequence: number; readonly identity: string } | undefined;
  let isInDoubt = false;
  const identityOf = (head: PartHead | undefined): string =>
    head ? `${head.term}/${head.kind}/${head.n}/${head.part}` : '';
  const restart = (): 'ask again' => {
    [last, isInDoubt] = [undefined, false];
    return 'ask again';
  };
  return {
    get from() {
      return last ? last.sequence + (isInDoubt ? 0 : 1) : 1;
    },
    doubt: () => void (isInDoubt = last !== undefined),
    take(sequence, head) {
      const identity = identityOf(head);
      if (last && sequence <= last.sequence) {
        if (!isInDoubt) return 'leave';
        if (sequence < last.sequence || identity !== last.identity) return restart();
        isInDoubt = false;
        return 'leave';
      }
      // What was read last is dropped: a base follows, which is read whatever was before it.
      isInDoubt = false;
      last = { sequence, identity };
      return 'read';
    },
    end: () => (isInDoubt ? restart() : 'done'),
  };
}
