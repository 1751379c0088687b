import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWorldStore } from '@flotilla/pilot-world';
import { Engine, type Change } from '@flotilla/query';
import { meshLife, type MeshChange } from '@flotilla/testing';
import { answersFor, changesOf, meshProxies } from './answers.fixture.ts';

it('each proxy is answered as if it were the only one, after any change of a mesh', () => {
  fc.assert(
    fc.property(meshLife({ steps: 5 }), (life: readonly (readonly MeshChange[])[]) => {
      const shared = new Engine(createWorldStore());
      const applied: Change[] = [];
      for (const step of life) {
        const changes = changesOf(step);
        shared.apply(changes);
        applied.push(...changes);
        for (const proxy of meshProxies) {
          const alone = new Engine(createWorldStore());
          alone.apply(applied);
          expect(answersFor(shared, proxy)).toEqual(answersFor(alone, proxy));
        }
      }
    }),
    { numRuns: 15 },
  );
}, 120_000);
