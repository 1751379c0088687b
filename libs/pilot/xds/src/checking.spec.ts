import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorldStore, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { checkAgainstScratch, Engine, Subject, type Watch } from '@flotilla/query';
import { meshLife, meshNames, meshNodes, type MeshChange } from '@flotilla/testing';
import { resourceKey, type XdsKind } from './finish/kinds.ts';
import { allOf, oneOf } from './roots.ts';

const subjects = meshNodes.map((node) => {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  return new Subject(parsed.value as unknown as Record<string, unknown>);
});

function watchAll(engine: Engine): Watch[] {
  const named = Object.entries(meshNames).flatMap(([kind, names]) =>
    names.map((name) => resourceKey({ kind: kind as XdsKind, name })),
  );
  return subjects.flatMap((subject) => [
    ...(['cds', 'lds', 'nds'] as const).map((kind) => engine.watch(allOf, kind, subject)),
    ...named.map((key) => engine.watch(oneOf, key, subject)),
  ]);
}

/** What a watch's proxy is sent for it: names and hashes, or why there is nothing. */
function answer(engine: Engine, { query, key, subject }: Watch): string {
  try {
    return JSON.stringify(engine.read(query, key, subject), (name, value: unknown) =>
      name === 'bytes' ? undefined : value,
    );
  } catch (error) {
    return String(error);
  }
}

describe('checking mode', () => {
  it('finds reuse right after any changes of a mesh, every changed answer told, and no query failing', () => {
    fc.assert(
      fc.property(meshLife({ steps: 8 }), fc.boolean(), (life: readonly (readonly MeshChange[])[], collecting) => {
        const engine = new Engine(createWorldStore());
        const watches = watchAll(engine);
        let before = watches.map((watch) => answer(engine, watch));
        for (const step of life) {
          const told = engine.apply(
            step.flatMap(({ collection, key, resource }) => worldChanges(collection, key, resource)),
          );
          expect(checkAgainstScratch(engine)).toEqual([]);
          const now = watches.map((watch) => answer(engine, watch));
          expect(
            watches
              .filter((watch, i) => now[i] !== before[i] && !told.has(watch))
              .map(({ query, key }) => `${query.name}(${key})`),
          ).toEqual([]);
          expect(now.filter((text) => /^\w*Error/.test(text))).toEqual([]);
          before = now;
          if (collecting) engine.collect();
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
