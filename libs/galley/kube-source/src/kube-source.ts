import type { Source } from '@flotilla/galley-sources';
import type { KubeApi } from '@flotilla/kube-port';
import { kinds, type Installation, type SourceChange, type SourceEvent } from '@flotilla/model';
import { AsyncQueue, systemClock, type Clock } from '@flotilla/std';
import { IngressClasses } from './ingress-classes.ts';
import { kindReader, meshReader, type KindReader } from './kind-reader.ts';
import { followOtherKinds } from './other-kinds.ts';

export interface KubeSourceOptions {
  readonly api: KubeApi;
  readonly installation: Installation;
  /** The revision of this control plane: `canary` has the ConfigMap `istio-canary`; `default`, or none, has `istio`. */
  readonly revision?: string;
  readonly clock?: Clock;
}

/**
 * The objects that the mesh reads from one cluster's API server: every kind of the model, and the mesh configuration in
 * the ConfigMap `istio` of the system namespace. A kind without a CRD is complete and empty until the CRD exists. Kinds
 * that have no effect are reported as problems; they belong to no scope, so that nothing waits for them.
 */
export function createKubeSource({ api, installation, revision, clock = systemClock }: KubeSourceOptions): Source {
  const readers: readonly KindReader[] = [
    ...kinds.map((kind) => kindReader(kind, installation)),
    meshReader(installation, revision),
  ];
  return {
    name: `cluster ${installation.clusterId}`,
    scopes: readers.flatMap(({ scopes }) => scopes),
    async *run(signal) {
      const left = new AbortController();
      const ended = AbortSignal.any([signal, left.signal]);
      const merged = new Merged(readers.length);
      const fail = (thrown: unknown): void => merged.fail(thrown);
      const classes = new IngressClasses();
      const onRead = (events: readonly SourceEvent[]): void => classes.noteMesh(events);
      const watches = [
        ...readers.map((reader) => pump({ api, reader, clock, signal: ended, merged, onRead })),
        followOtherKinds({
          api,
          cluster: installation.clusterId,
          classes,
          clock,
          signal: ended,
          async report(cause, problems) {
            merged.add({ cause, readAt: clock.now(), events: [problems] });
            await merged.taken(ended);
          },
          fail,
        }).catch(fail),
      ];
      try {
        yield* merged.changes();
      } finally {
        left.abort();
        await Promise.all(watches);
      }
    },
  };
}

interface Pump {
  readonly api: KubeApi;
  readonly reader: KindReader;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly merged: Merged;
  readonly onRead: (events: readonly SourceEvent[]) => void;
}

/** Passes the changes of one kind on, no faster than they are taken. */
async function pump({ api, reader, clock, signal, merged, onRead }: Pump): Promise<void> {
  const { resource, selection } = reader;
  try {
    let isFirst = true;
    for await (const events of api.watch(resource, selection, signal)) {
      for (const event of events) {
        if (event.type === 'away' || event.type === 'back') merged.reach(reader, event);
        else {
          const read = reader.read(event, isFirst);
          if (event.type === 'listing') isFirst = false;
          onRead(read.events);
          merged.add({ cause: read.cause, readAt: clock.now(), events: read.events });
        }
      }
      await merged.taken(signal);
    }
    merged.end();
  } catch (thrown) {
    merged.fail(thrown);
  }
}

/**
 * Merges the changes of all kinds in the order of their arrival, and their states into one: is the cluster
 * reachable?
 */
class Merged {
  readonly #queue = new AsyncQueue<null>();
  readonly #away = new Map<KindReader, SourceEvent & { readonly type: 'away' }>();
  #pending: SourceChange[] = [];
  #waiting: (() => void)[] = [];
  #open: number;

  constructor(count: number) {
    this.#open = count;
  }

  add(change: SourceChange): void {
    if (change.events.length === 0) return;
    if (this.#pending.length === 0) this.#queue.push(null);
    this.#pending.push(change);
  }

  /**
   * The cluster is away as soon as one kind is refused or cannot be reached: what is known of it may be out of
   * date.
   */
  reach(reader: KindReader, event: SourceEvent & { readonly type: 'away' | 'back' }): void {
    const wasAway = this.#away.size > 0;
    if (event.type === 'away') this.#away.set(reader, event);
    else this.#away.delete(reader);
    if (this.#away.size > 0 === wasAway) return;
    this.add({ cause: 'the connection to the API server', readAt: 0, events: [event] });
  }

  /** Resolves when everything that was added has been taken, or the signal aborts. */
  taken(signal: AbortSignal): Promise<void> {
    if (this.#pending.length === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.push(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  end(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#queue.close();
  }

  fail(thrown: unknown): void {
    this.#queue.fail(thrown);
  }

  async *changes(): AsyncIterable<readonly SourceChange[]> {
    for await (const _ of this.#queue) {
      const changes = this.#pending;
      const waiting = this.#waiting;
      this.#pending = [];
      this.#waiting = [];
      for (const resolve of waiting) resolve();
      yield changes;
    }
  }
}
