import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWorldStore } from '@flotilla/pilot-world';
import { Engine, type Change, type Reader } from '@flotilla/query';
import { meshLife, type MeshChange } from '@flotilla/testing';
import { answersFor, changesOf, meshProxies } from './answers.fixture.ts';

const answersOf = (reader: Reader): string[] => meshProxies.flatMap((proxy) => answersFor(reader, proxy));

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
