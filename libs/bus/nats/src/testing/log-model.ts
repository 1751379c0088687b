import type { Part } from '../entry.ts';
import type { Fence, LogEnd, WriteLog } from '../write-log.ts';

/**
 * What happens to a request: it arrives and so does its answer, or one of them does not, or it arrives after its sender
 * has given up.
 */
export type Fate = 'arrives' | 'is lost' | 'answer is lost' | 'is late';

interface Message {
  readonly sequence: number;
  readonly part: Part;
}

/**
 * A stream as JetStream keeps it: the server's side of `WriteLog`, with everything that can happen to a server and its
 * store.
 */
export class LogModel {
  #messages: Message[] = [];
  #last = 0;
  readonly #late: (() => void)[] = [];
  /** Who answers for a term, and whether anybody hears it. */
  readonly #answering = new Map<string, WriterLink>();

  append({ data, ...head }: Part, fence: Fence): number | 'refused' {
    const ownLast = this.#messages.filter(({ part }) => part.term === head.term).at(-1)?.sequence ?? 0;
    if (fence.last !== this.#last || fence.own !== ownLast) return 'refused';
    this.#last += 1;
    this.#messages.push({ sequence: this.#last, part: { ...head, data } });
    return this.#last;
  }

  trim(terms: readonly string[], sequence: number): void {
    this.#messages = this.#messages.filter(
      (message) => message.sequence >= sequence || !terms.includes(message.part.term),
    );
  }

  end(): LogEnd {
    const tail = this.#messages.at(-1);
    const first = this.#messages[0]?.sequence ?? this.#last + 1;
    const terms = [...new Set(this.#messages.map(({ part }) => part.term))];
    return { first, last: this.#last, terms, ...(tail?.sequence === this.#last ? { tail: tail.part } : {}) };
  }

  answer(term: string, link: WriterLink | undefined): void {
    if (link) this.#answering.set(term, link);
    else this.#answering.delete(term);
  }
  answers = (term: string): boolean => this.#answering.get(term)?.isHeard ?? false;

  /** Messages from a sequence number on. */
  read(from: number): readonly Message[] {
    return this.#messages.filter(({ sequence }) => sequence >= from);
  }

  later(effect: () => void): void {
    this.#late.push(effect);
  }
  /** What was late arrives. */
  deliver(): void {
    for (const effect of this.#late.splice(0)) effect();
  }
  /** The server comes back without its store. */
  wipe(): void {
    [this.#messages, this.#last] = [[], 0];
  }
  /** Somebody purges the stream. */
  purge(): void {
    this.#messages = [];
  }
  /** The server comes back with an older state of its store. */
  lose(count: number): void {
    this.#last = Math.max(0, this.#last - count);
    this.#messages = this.#messages.filter(({ sequence }) => sequence <= this.#last);
  }
}

/** One writer's connection to the log. */
export class WriterLink implements WriteLog {
  readonly #model: LogModel;
  readonly #fates: Fate[] = [];
  #term: string | undefined;
  #resumed: PromiseWithResolvers<void> | undefined;
  isCut = false;
  isDead = false;

  constructor(model: LogModel) {
    this.#model = model;
  }

  get isHeard(): boolean {
    return !this.isCut && !this.#resumed && !this.isDead;
  }
  /** What happens to the next requests. */
  suffer(fates: readonly Fate[]): void {
    this.#fates.push(...fates);
  }
  /** The process is stopped: it sees no answer and no time pass until it is resumed. */
  pause(): void {
    this.#resumed ??= Promise.withResolvers();
  }
  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
    this.#fates.length = 0;
  }

  end = (): Promise<LogEnd> => this.#request(() => this.#model.end());
  append = (part: Part, fence: Fence): Promise<number | 'refused'> =>
    this.#request(() => this.#model.append(part, fence));
  trim = (terms: readonly string[], sequence: number): Promise<void> =>
    this.#request(() => this.#model.trim(terms, sequence));
  answers = (term: string): Promise<boolean> => this.#request(() => this.#model.answers(term)).catch(() => false);
  answerFor(term: string | undefined): void {
    if (this.#term !== undefined) this.#model.answer(this.#term, undefined);
    this.#term = term;
    if (term !== undefined) this.#model.answer(term, this);
  }

  async #request<T>(effect: () => T): Promise<T> {
    await this.#resumed?.promise;
    const fate = this.isCut || this.isDead ? 'is lost' : (this.#fates.shift() ?? 'arrives');
    if (fate === 'is late') this.#model.later(effect);
    const answer = fate === 'arrives' || fate === 'answer is lost' ? effect() : undefined;
    await this.#resumed?.promise;
    if (fate !== 'arrives') throw new Error(`the request ${fate}`);
    return answer as T;
  }
}
