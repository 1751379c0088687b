import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWorldStore, parseProxy, proxySubject, worldChanges, type ProxyAttributes } from '@flotilla/pilot-world';
import { Engine, type Change, type Reader } from '@flotilla/query';
import { meshLife, meshNames, meshNodes, type MeshChange } from '@flotilla/testing';
import { resourceKey, type XdsKind } from './finish/kinds.ts';
import type { Made } from './members.ts';
import { readOne } from './read.ts';
import { listsOf } from './roots.ts';

const proxies: readonly ProxyAttributes[] = meshNodes.map((node) => {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
});

const textOf = (made: Made): string => (made ? `${made.name} ${made.version}` : 'nothing');
const attempt = (read: () => string): string => {
  try {
    return read();
  } catch (error) {
    return `failed: ${String(error)}`;
  }
};

/** All that the proxies are sent, each by the labels that its workload has there: names with hashes, or failures. */
function answersOf(reader: Reader): readonly string[] {
  return proxies.flatMap((attributes) => {
    const subject = proxySubject(reader, attributes);
    const whole = (['cds', 'lds', 'nds'] as const).flatMap(listsOf).flatMap((source) => {
      if ('only' in source) return [];
      return reader
        .read(source.naming, source.key, subject)
        .members.map(({ query, key }) => attempt(() => textOf(reader.read(query, key, subject))));
    });
    const named = Object.entries(meshNames).flatMap(([kind, names]) =>
      names.map((name) =>
        attempt(() => textOf(readOne(reader, resourceKey({ kind: kind as XdsKind, name }), subject))),
      ),
    );
    return [...whole, ...named];
  });
}

const changesOf = (step: readonly MeshChange[]): Change[] =>
  step.flatMap(({ collection, key, resource }) => worldChanges(collection, key, resource));

/** What the engine remembers, apart from what its queries returned. */
const memoryOf = (engine: Engine): readonly string[] =>
  [...engine.results()].map(
    ({ query, key, attributes, values, state, dependents, reads }) =>
      `${query}(${String(key)}) ${attributes.join()} ${values} ${state} ${dependents.length} ${reads.length}`,
  );

it("a fork answers what a new engine answers after any change of a mesh, and leaves pilot's engine as it is", () => {
  fc.assert(
    fc.property(meshLife({ steps: 5 }), (life: readonly (readonly MeshChange[])[]) => {
      const engine = new Engine(createWorldStore());
      const before: Change[] = [];
      for (const step of life) {
        const changes = changesOf(step);
        answersOf(engine);
        const memory = memoryOf(engine);
        const fork = engine.fork(changes);
        const fresh = new Engine(createWorldStore());
        fresh.apply([...before, ...changes]);
        expect(answersOf(fork)).toEqual(answersOf(fresh));
        expect(memoryOf(engine)).toEqual(memory);
        const forked = runsOf(fork.stats.runs);
        engine.resetStats();
        engine.apply(changes);
        before.push(...changes);
        answersOf(engine);
        expect(forked).toBeLessThanOrEqual(runsOf(engine.stats.runs));
      }
    }),
    { numRuns: 20 },
  );
}, 120_000);

const runsOf = (runs: ReadonlyMap<string, number>): number => [...runs.values()].reduce((sum, count) => sum + count, 0);
