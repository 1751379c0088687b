import { messages, type KeySetProblem } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import type { XdsKind } from '@flotilla/pilot-xds';
import { causesOf, type Input } from '@flotilla/query';
import { maxMessage, messageOf, printable } from '@flotilla/std';
import type { PilotMetrics } from './metrics.ts';
import type { Failure, SharedList } from './shared-list.ts';

/** Something that can't be made for proxies: a bug, or an object that nobody expected. As /debug/problems shows it. */
export interface GenerationProblem {
  readonly code: typeof messages.NotGenerated.code;
  readonly level: typeof messages.NotGenerated.level;
  /** Why not. */
  readonly message: string;
  /** `cds`, `eds` ... */
  readonly type: XdsKind;
  /** Which part of the type: the query that makes it and its key. */
  readonly member: string;
  /** Names of resources that proxies keep as they are; none where nobody has had any. */
  readonly resources: readonly string[];
  /** Objects that were read, `collection namespace/name`, the likely cause first. */
  readonly objects: readonly string[];
  /** RFC 3339. */
  readonly since: string;
  /** How many connected proxies it concerns. */
  readonly proxies: number;
}

/** What is wrong in pilot, as /debug/problems shows it. */
export type PilotProblem = GenerationProblem | KeySetProblem;

const maxObjects = 20;
const maxShown = 1000;

interface Open {
  readonly type: XdsKind;
  readonly member: string;
  readonly message: string;
  readonly objects: readonly string[];
  readonly since: number;
  readonly resources: Map<SharedList, readonly string[]>;
}

const textOf = ({ query, key }: Pick<Failure, 'query' | 'key'>): string =>
  printable(String(key) === '' ? query.name : `${query.name} ${key}`);

/**
 * What can't be made for proxies, by member: logged once when it begins, with the objects that it was read from, and
 * once when it ends, however many proxies it concerns.
 */
export class GenerationProblems {
  readonly #log: Logger;
  readonly #metrics: Pick<PilotMetrics, 'internalErrors' | 'failing'>;
  readonly #open = new Map<string, Open>();
  readonly #byList = new Map<SharedList, ReadonlySet<string>>();

  constructor({
    log,
    metrics,
  }: {
    readonly log: Logger;
    readonly metrics: Pick<PilotMetrics, 'internalErrors' | 'failing'>;
  }) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** These are all of a list that fail now. */
  update(list: SharedList, failures: readonly Failure[]): void {
    const before = this.#byList.get(list);
    if (failures.length === 0 && before === undefined) return;
    const now = new Set<string>();
    for (const failure of failures) now.add(this.#begin(list, failure));
    if (now.size > 0) this.#byList.set(list, now);
    else this.#byList.delete(list);
    for (const id of before ?? []) if (!now.has(id)) this.#end(list, id);
  }

  /** What fails now, the oldest first; at most `maxShown` of them. */
  get all(): readonly GenerationProblem[] {
    return [...this.#open.values()].slice(0, maxShown).map(({ type, member, message, objects, since, resources }) => ({
      code: messages.NotGenerated.code,
      level: messages.NotGenerated.level,
      message,
      type,
      member,
      resources: [...new Set([...resources.values()].flat())],
      objects,
      since: new Date(since).toISOString(),
      proxies: new Set([...resources.keys()].flatMap((list) => [...list.holders])).size,
    }));
  }

  #begin(list: SharedList, failure: Failure): string {
    const { error, resources, watch } = failure;
    const text = textOf(failure);
    const id = `${list.kind} ${text}`;
    const known = this.#open.get(id);
    if (known) {
      known.resources.set(list, resources);
      return id;
    }
    // What goes wrong with a Secret must not show it.
    const message = list.kind === 'sds' ? 'the Secret could not be encoded' : printable(messageOf(error), maxMessage);
    const objects = causesOf(watch.entry, error, maxObjects).map(objectName);
    this.#open.set(id, {
      type: list.kind,
      member: text,
      message,
      objects,
      since: Date.now(),
      resources: new Map([[list, resources]]),
    });
    this.#count(list.kind);
    this.#metrics.internalErrors.add(1);
    this.#log.error('a resource could not be generated; what proxies have of it stays in force', {
      type: list.kind,
      member: text,
      error: message,
      objects,
      resources,
    });
    return id;
  }

  #end(list: SharedList, id: string): void {
    const known = this.#open.get(id);
    if (!known?.resources.delete(list) || known.resources.size > 0) return;
    this.#open.delete(id);
    this.#count(known.type);
    this.#log.info('a resource that could not be generated is generated again, or no longer needed', {
      type: known.type,
      member: known.member,
      error: known.message,
    });
  }

  #count(type: XdsKind): void {
    this.#metrics.failing.set([...this.#open.values()].filter((one) => one.type === type).length, { type });
  }
}

const objectName = ({ collection, key }: Input): string => printable(`${collection} ${key}`);
