import { describeName, describeResource, type KubeObject, type ServedKind, type WatchEvent } from '@flotilla/kube-port';
import type { LocatedProblem, Problem, SourceEvent } from '@flotilla/model';
import { boundedProblems } from './bounded-problems.ts';
import { originOf } from './kind-reader.ts';

/** Turns the events of one watch into problems: all that there are now; undefined where they have not changed. */
export interface ProblemReader {
  read(event: WatchEvent): SourceEvent | undefined;
  /** All that there are now, when it may have changed by something else than an event. */
  again(): SourceEvent | undefined;
}

export interface UnsupportedReaderOptions {
  readonly cluster: string;
  /** Whether Istio would use the object: others' have no problem. All are by default. */
  readonly isMeant?: (object: KubeObject) => boolean;
  /** What is kept of an object; all that the watch gives by default. */
  readonly keep?: (object: KubeObject) => KubeObject;
}

/** The reader of a kind of whose objects each has the same problem, which is that of the kind. */
export function unsupportedReader(
  kind: ServedKind,
  problem: Problem,
  options: UnsupportedReaderOptions,
): ProblemReader {
  const { cluster, isMeant = () => true, keep = (object) => object } = options;
  /** The objects by name, as the last complete list and the changes since have them. */
  let known = new Map<string, KubeObject>();
  let listed: Map<string, KubeObject> | undefined;
  let isReported = false;

  function report(): SourceEvent | undefined {
    const meant = [...known.values()].filter(isMeant);
    if (meant.length === 0 && !isReported) return undefined;
    isReported = meant.length > 0;
    return { type: 'problems', place: describeResource(kind), problems: boundedProblems(meant.map(located)) };
  }
  const located = (object: KubeObject): LocatedProblem => ({
    problem: { ...problem, resource: `${kind.kind} ${describeName(object.metadata)}` },
    origin: originOf(object, cluster),
  });

  const read = (event: WatchEvent): SourceEvent | undefined => {
    switch (event.type) {
      case 'listing':
        listed = new Map();
        return undefined;
      case 'synced':
        known = listed ?? known;
        listed = undefined;
        return report();
      case 'found':
        (listed ?? known).set(describeName(event.object.metadata), keep(event.object));
        return listed ? undefined : report();
      case 'gone':
        (listed ?? known).delete(describeName(event.object.metadata));
        return listed ? undefined : report();
      case 'away':
      case 'back':
        return undefined;
    }
  };
  return { read, again: () => (listed ? undefined : report()) };
}
