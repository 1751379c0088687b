import { describe } from 'vitest';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { goldenPairs } from '@flotilla/testing';
import { resourceKey, typeUrls, type XdsKind } from './finish/kinds.ts';
import { meshOf } from './golden.fixture.ts';
import { readAll, readOne } from './read.ts';
import { isWhole } from './roots.ts';

function part(json: Json | undefined, [name, ...path]: readonly string[]): Json {
  if (name === undefined) return json ?? null;
  if (typeof json !== 'object' || json === null) return null;
  return name === '*'
    ? Object.values(json).map((item) => part(item, path))
    : part((json as { [key: string]: Json })[name], path);
}

describe('golden pairs: what a proxy is sent', () => {
  goldenPairs(import.meta.dirname, (documents) => {
    const { engine, proxy, show } = meshOf(documents);
    return Object.fromEntries(
      show.map((line) => {
        const [kind, name, path] = line.split(' ') as [XdsKind, string?, string?];
        const all = isWhole(kind) ? readAll(engine, kind, proxy) : [];
        if (name === undefined) return [line, all.map((resource) => resource.name)];
        const resource =
          all.find((one) => (one.name || '-') === name) ?? readOne(engine, resourceKey({ kind, name }), proxy);
        return [line, resource ? part(toJson(typeUrls[kind], resource.bytes), path?.split('.') ?? []) : null];
      }),
    );
  });
});
