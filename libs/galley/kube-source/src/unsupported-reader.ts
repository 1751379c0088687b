import { describeName, describeResource, type KubeObject, type ServedKind, type WatchEvent } from '@flotilla/kube-port';
import type { LocatedProblem, Problem, SourceEvent } from '@flotilla/model';
import { boundedProblems } from './bounded-problems.ts';
import { originOf } from './kind-reader.ts';

/** Turns the events of one watch into problems: all that there are now; undefined where they have not changed. */
export type ProblemReader = (event: WatchEvent) => SourceEvent | undefined;

/** The reader of a kind of whose objects each has the same problem, which is that of the kind. */
export function unsupportedReader(kind: ServedKind, problem: Problem, cluster: string): ProblemReader {
  /** The objects by name, as the last complete list and the changes since have them. */
  let known = new Map<string, LocatedProblem>();
  let listed: Map<string, LocatedProblem> | undefined;
  let isReported = false;

  function report(): SourceEvent | undefined {
    if (known.size === 0 && !isReported) return undefined;
    isReported = known.size > 0;
    return { type: 'problems', place: describeResource(kind), problems: boundedProblems([...known.values()]) };
  }
  const located = (object: KubeObject): LocatedProblem => ({
    problem: { ...problem, resource: `${kind.kind} ${describeName(object.metadata)}` },
    origin: originOf(object, cluster),
  });

  return (event) => {
    switch (event.type) {
      case 'listing':
        listed = new Map();
        return undefined;
      case 'synced':
        known = listed ?? known;
        listed = undefined;
        return report();
      case 'found':
        (listed ?? known).set(describeName(event.object.metadata), located(event.object));
        return listed ? undefined : report();
      case 'gone':
        (listed ?? known).delete(describeName(event.object.metadata));
        return listed ? undefined : report();
      case 'away':
      case 'back':
        return undefined;
    }
  };
}
