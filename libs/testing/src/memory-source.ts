import type { Source } from '@flotilla/galley-sources';
import {
  objectKey,
  kindOf,
  type Collection,
  type ObjectId,
  type Scope,
  type SourceChange,
  type SourceEvent,
} from '@flotilla/model';
import { AsyncQueue } from '@flotilla/std';

/** An object as Kubernetes has it, as far as a source looks at it. */
export interface RawObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
  };
}
export interface MemorySourceOptions {
  readonly name?: string;
  readonly cluster?: string;
  readonly collections?: readonly Collection[];
  readonly objects?: readonly RawObject[];
  /** Whether it can be reached from the start. */
  readonly reachable?: boolean;
}

/** A source of a test's own: a cluster that is held in memory, listed and watched as Kubernetes is. */
export class MemorySource implements Source {
  readonly name: string;
  readonly cluster: string;
  readonly scopes: readonly Scope[];
  readonly #objects = new Map<string, { readonly id: ObjectId; object: RawObject; version: number }>();
  readonly #readers = new Set<AsyncQueue<readonly SourceChange[]>>();
  #reachable: boolean;
  #version = 0;

  constructor({
    name = 'memory',
    cluster = 'Kubernetes',
    collections,
    objects = [],
    reachable = true,
  }: MemorySourceOptions) {
    this.name = name;
    this.cluster = cluster;
    this.scopes = (collections ?? ['services', 'service-entries']).map((collection) => ({ cluster, collection }));
    this.#reachable = reachable;
    for (const object of objects) this.put(object);
  }

  /** How many runs read it now. */
  get readers(): number {
    return this.#readers.size;
  }

  put(object: RawObject): void {
    const id = this.#idOf(object);
    this.#version += 1;
    this.#objects.set(textOf(id), { id, object, version: this.#version });
    this.#tell([this.#found(textOf(id))]);
  }

  delete(object: RawObject): void {
    const id = this.#idOf(object);
    if (this.#objects.delete(textOf(id))) this.#tell([{ type: 'gone', ...id }]);
  }

  /** From now on nothing is heard of it, and its reader learns so. */
  cut(since: number, reason = 'connection refused'): void {
    this.#reachable = false;
    this.#send([{ type: 'away', since, reason }]);
  }

  /**
   * One of its kinds can't be read from now on, and its reader learns so; of the others it learns everything that
   * changes.
   */
  refuse(since: number, reason: string): void {
    this.#send([{ type: 'away', since, reason }]);
  }

  /** It can be reached again, and is listed once more, as after a watch that has expired. */
  restore(): void {
    this.#reachable = true;
    this.#send([
      { type: 'back' },
      ...this.scopes.flatMap((scope) => [{ type: 'relist', ...scope } as const, ...this.#list(scope)]),
    ]);
  }

  /** Its run fails, as when a program's bug ends it. */
  fail(error: Error): void {
    for (const reader of this.#readers) reader.fail(error);
  }

  async *run(signal: AbortSignal): AsyncIterable<readonly SourceChange[]> {
    const reader = new AsyncQueue<readonly SourceChange[]>();
    const stop = (): void => reader.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#readers.add(reader);
    try {
      const first: readonly SourceEvent[] = this.#reachable
        ? this.scopes.flatMap((scope) => this.#list(scope))
        : [{ type: 'away', since: 0, reason: 'connection refused' }];
      yield [this.#change(first)];
      yield* reader;
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener('abort', stop);
    }
  }

  /** All objects of a scope, and that these are all. */
  #list(scope: Scope): readonly SourceEvent[] {
    const texts = [...this.#objects].filter(([, { id }]) => id.collection === scope.collection).map(([text]) => text);
    return [...texts.map((text) => this.#found(text)), { type: 'synced', ...scope }];
  }

  #found(text: string): SourceEvent {
    const entry = this.#objects.get(text);
    if (!entry) throw new Error(`no ${text}`);
    const { id, object, version } = entry;
    const { generation } = object.metadata;
    return {
      type: 'object',
      ...id,
      object,
      origin: {
        type: 'cluster',
        cluster: this.cluster,
        resourceVersion: String(version),
        ...(generation === undefined ? {} : { generation }),
      },
    };
  }

  #tell(events: readonly SourceEvent[]): void {
    if (this.#reachable) this.#send(events);
  }

  #send(events: readonly SourceEvent[]): void {
    for (const reader of this.#readers) reader.push([this.#change(events)]);
  }

  #change(events: readonly SourceEvent[]): SourceChange {
    return { cause: `cluster ${this.cluster}`, readAt: 1000 + this.#version, events };
  }

  #idOf(object: RawObject): ObjectId {
    const kind = kindOf({ apiVersion: 'v1', ...object });
    if (!kind) throw new Error(`unknown kind ${object.kind}`);
    const { name, namespace = 'default' } = object.metadata;
    return {
      cluster: this.cluster,
      collection: kind.collection,
      key: objectKey({ namespace, name, cluster: this.cluster }),
    };
  }
}

const textOf = ({ collection, key }: ObjectId): string => `${collection} ${key.namespace}/${key.name}`;
