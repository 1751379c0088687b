import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWorldStore, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { checkAgainstScratch, Engine, ListWatch, Subject, type MemberList, type Watch } from '@flotilla/query';
import { meshLife, meshNames, meshNodes, type MeshChange } from '@flotilla/testing';
import { resourceKey, type XdsKind } from './finish/kinds.ts';
import type { XdsResource } from './resource.ts';
import { listOfOne, listsOf } from './roots.ts';

const subjects = meshNodes.map((node) => {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  return new Subject(parsed.value as unknown as Record<string, unknown>);
});

/** Watches everything that the proxies are sent, as pilot does for proxies that share nothing. */
function watchAll(engine: Engine): readonly ListWatch[] {
  const named = Object.entries(meshNames).flatMap(([kind, names]) =>
    names.map((name) => listOfOne(resourceKey({ kind: kind as XdsKind, name }))),
  );
  const sources = [...(['cds', 'lds', 'nds'] as const).flatMap(listsOf), ...named];
  return subjects.flatMap((subject) => sources.map((source) => new ListWatch(engine, source, subject)));
}

/** What a result is, names and hashes, or why there is none. */
function answer({ outcome }: Watch): string {
  if ('error' in outcome) return `failed: ${String(outcome.error)}`;
  return JSON.stringify(outcome.value, (name, value: unknown) => (name === 'bytes' ? undefined : value));
}

/** What fails: members, and queries that name them. */
const failuresIn = (engine: Engine): unknown[] =>
  [...engine.watches()].flatMap(({ query, outcome }): readonly unknown[] => {
    if ('error' in outcome) return [`${query.name}: ${String(outcome.error)}`];
    const value = outcome.value as Partial<MemberList & XdsResource> | undefined;
    return [...(value?.failed ?? []), ...(value?.parts?.failed ?? [])];
  });

describe('checking mode', () => {
  it('finds reuse right after any changes of a mesh, every changed answer told, and no query failing', () => {
    fc.assert(
      fc.property(meshLife({ steps: 8 }), fc.boolean(), (life: readonly (readonly MeshChange[])[], collecting) => {
        const engine = new Engine(createWorldStore());
        const lists = watchAll(engine);
        const answers = (): Map<Watch, string> => new Map([...engine.watches()].map((watch) => [watch, answer(watch)]));
        let before = answers();
        for (const step of life) {
          const changed = engine.apply(
            step.flatMap(({ collection, key, resource }) => worldChanges(collection, key, resource)),
          );
          for (const watch of changed) watch.list?.note(watch);
          expect(checkAgainstScratch(engine)).toEqual([]);
          const now = answers();
          const unheard = [...now].filter(
            ([watch, text]) => before.has(watch) && before.get(watch) !== text && !changed.has(watch),
          );
          expect(unheard.map(([{ query, key }]) => `${query.name}(${key})`)).toEqual([]);
          expect(failuresIn(engine)).toEqual([]);
          expect(lists.flatMap(({ failed }) => failed ?? [])).toEqual([]);
          before = now;
          if (collecting) engine.collect();
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
