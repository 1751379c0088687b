import { isRecord } from '@flotilla/std';

/** JSON Merge Patch (RFC 7396): members are merged, null removes one, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged = new Map(isRecord(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch))
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  return Object.fromEntries(merged);
}

/** The paths of all values in an object, by their JSON; a list is one value. */
export function leavesOf(value: unknown, path: readonly string[] = []): ReadonlyMap<string, readonly string[]> {
  if (!isRecord(value) || Object.keys(value).length === 0) return new Map([[JSON.stringify(path), path]]);
  return new Map(Object.entries(value).flatMap(([name, member]) => [...leavesOf(member, [...path, name])]));
}

/** The value at a path; undefined when the path leads nowhere. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (isRecord(inner) ? inner[name] : undefined), value);
}

/** A merge patch that removes the value at a path. */
export const removalOf = (path: readonly string[]): unknown =>
  path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), null);
