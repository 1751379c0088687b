import type { ListSource, Reader, Subject } from '@flotilla/query';
import type { ResourceFields } from './finish/kinds.ts';
import type { Made, Names } from './members.ts';
import type { XdsResource } from './resource.ts';
import { isWhole, listsOf, namedMember, type WholeKind } from './roots.ts';

/**
 * Everything that a proxy is sent of a type that it takes whole, worked out once and not watched. Throws what any of it
 * throws.
 */
export function readAll(engine: Reader, kind: WholeKind, proxy: Subject): readonly XdsResource[] {
  const all = new Map<string, XdsResource>();
  for (const source of listsOf(kind)) {
    const found = new Map<string, XdsResource>();
    for (const { query, key } of namesOf(engine, source, proxy)) {
      const resource = engine.read(query, key, proxy);
      if (resource && !found.has(resource.name)) found.set(resource.name, resource);
    }
    for (const [name, resource] of found) all.set(name, resource);
  }
  return [...all.values()];
}

/** One resource by its name, of any type. Throws what its query throws, or one that names members. */
export function readOne(engine: Reader, resource: ResourceFields, proxy: Subject): Made {
  const { kind, name } = resource;
  if (!isWhole(kind)) {
    const { query, key } = namedMember(resource);
    return engine.read(query, key, proxy);
  }
  for (const source of listsOf(kind).toReversed())
    for (const { query, key } of namesOf(engine, source, proxy).filter((each) => each.name === name)) {
      const made = engine.read(query, key, proxy);
      if (made) return made;
    }
  return undefined;
}

function namesOf(engine: Reader, source: ListSource<Made>, proxy: Subject): Names {
  if ('only' in source) return [source.only];
  const { members, failed } = engine.read(source.naming, source.key, proxy);
  if (failed[0]) throw failed[0].error;
  return members;
}
