import { describe } from 'vitest';
import { keyOf } from '@flotilla/model';
import { createWorldStore, parseProxy, proxySubject, worldChanges, type Node } from '@flotilla/pilot-world';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { Engine } from '@flotilla/query';
import { goldenPairs, resourceOf } from '@flotilla/testing';
import { resourceKey, typeUrls, type XdsKind } from './finish/kinds.ts';
import { allOf, oneOf } from './roots.ts';

/**
 * The first document of an input: who asks (Envoy's node), and what of the answer is looked at: `KIND` for the names of
 * all resources, `KIND NAME` for one, `KIND NAME PATH` for a part of it (members' names with dots between; `*` for all
 * of a list or an object). The one name table is called `-`.
 */
interface Asked {
  readonly node: Node;
  readonly show: readonly string[];
}

function part(json: Json | undefined, [name, ...path]: readonly string[]): Json {
  if (name === undefined) return json ?? null;
  if (typeof json !== 'object' || json === null) return null;
  return name === '*'
    ? Object.values(json).map((item) => part(item, path))
    : part((json as { [key: string]: Json })[name], path);
}

describe('golden pairs: what a proxy is sent', () => {
  goldenPairs(import.meta.dirname, ([first, ...documents]) => {
    const { node, show } = first as Asked;
    const mesh = documents.some((raw) => (raw as { kind: string }).kind === 'MeshConfig')
      ? []
      : [{ kind: 'MeshConfig' }];
    const engine = new Engine(createWorldStore());
    engine.apply(
      [...mesh, ...documents]
        .map(resourceOf)
        .flatMap((resource) => worldChanges(resource.collection, keyOf(resource.meta), resource)),
    );
    const parsed = parseProxy(node);
    if (!parsed.ok) throw new Error(parsed.error);
    const proxy = proxySubject(engine, parsed.value);
    return Object.fromEntries(
      show.map((line) => {
        const [kind, name, path] = line.split(' ') as [XdsKind, string?, string?];
        const all = engine.read(allOf, kind, proxy);
        if (name === undefined) return [line, all.map((resource) => resource.name)];
        const resource =
          all.find((one) => (one.name || '-') === name) ?? engine.read(oneOf, resourceKey({ kind, name }), proxy);
        return [line, resource ? part(toJson(typeUrls[kind], resource.bytes), path?.split('.') ?? []) : null];
      }),
    );
  });
});
