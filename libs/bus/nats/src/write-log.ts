import type { Part, PartHead } from './entry.ts';

/**
 * The writer's side of the log, as the writer needs it: a stream in JetStream, or a model of one in tests. Each method
 * rejects while the server is away; then nobody knows whether it took effect, or will.
 */
export interface WriteLog {
  /** How the log ends now; creates an empty log if there is none. */
  end(): Promise<LogEnd>;
  /**
   * Appends a part and resolves with its sequence number, or with `refused` when the log does not end as the fence
   * says. The server compares.
   */
  append(part: Part, fence: Fence): Promise<number | 'refused'>;
  /** Drops what these terms wrote before `sequence`. */
  trim(terms: readonly string[], sequence: number): Promise<void>;
  /** Whether the holder of a term answers. */
  answers(term: string): Promise<boolean>;
  /** From now on this writer answers for `term`, and for no other. */
  answerFor(term: string | undefined): void;
}

/**
 * What the log's end must be for an append: the last message of all, and the last of the writer's own term (0: none
 * yet).
 */
export interface Fence {
  readonly last: number;
  readonly own: number;
}

export interface LogEnd {
  /** Sequence numbers of the first message that is left, and of the last that was written. */
  readonly first: number;
  readonly last: number;
  /** The last message, unless it was dropped. */
  readonly tail?: PartHead;
  /** All terms that have messages in the log. */
  readonly terms: readonly string[];
}

/**
 * The outcome of an append that got no answer: it is in the log, it may be tried again, or the log is not this writer's
 * any more.
 */
export function outcomeOf(part: PartHead, fence: Fence, { last, tail }: LogEnd): 'stored' | 'open' | 'lost' {
  if (last === fence.last) return fence.own === 0 || tail?.term === part.term ? 'open' : 'lost';
  const isThisPart =
    tail?.term === part.term && tail.kind === part.kind && tail.n === part.n && tail.part === part.part;
  return isThisPart && last === fence.last + 1 ? 'stored' : 'lost';
}

/** Why a log may be taken over, or that its holder must be contacted first. */
export function claimOn(
  { tail }: LogEnd,
  isOwnTerm: (term: string) => boolean,
): { readonly free: true } | { readonly free: false; readonly holder: string } {
  const isFree = !tail || tail.kind === 'release' || isOwnTerm(tail.term);
  return isFree ? { free: true } : { free: false, holder: tail.term };
}
