import { deepEqual, isRecord } from '@flotilla/std';

/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };
type Plain = Readonly<Record<string, unknown>>;
const escape = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * The operations that turn one JSON value into another. Lists that only grew at their end get additions, other changed
 * lists go member by member or whole.
 */
export function buildPatch(from: unknown, target: unknown, path = ''): PatchOperation[] {
  if (deepEqual(from, target)) return [];
  if (isRecord(from) && isRecord(target)) return patchObject(from, target, path);
  if (Array.isArray(from) && Array.isArray(target)) return patchList(from as unknown[], target as unknown[], path);
  return [{ op: 'replace', path, value: target }];
}

function patchObject(from: Plain, target: Plain, path: string): PatchOperation[] {
  const has = (object: Plain, key: string): boolean => Object.hasOwn(object, key) && object[key] !== undefined;
  const operations: PatchOperation[] = [];
  for (const key of Object.keys(from))
    if (!has(target, key)) operations.push({ op: 'remove', path: `${path}/${escape(key)}` });
  for (const [key, value] of Object.entries(target)) {
    if (value === undefined) continue;
    const memberPath = `${path}/${escape(key)}`;
    operations.push(
      ...(has(from, key)
        ? buildPatch(from[key], value, memberPath)
        : [{ op: 'add' as const, path: memberPath, value }]),
    );
  }
  return operations;
}

function patchList(from: readonly unknown[], target: readonly unknown[], path: string): PatchOperation[] {
  if (target.length < from.length) return [{ op: 'replace', path, value: target }];
  const changed = from.flatMap((item, i) => buildPatch(item, target[i], `${path}/${i}`));
  return [
    ...changed,
    ...target.slice(from.length).map((value, i) => ({ op: 'add' as const, path: `${path}/${from.length + i}`, value })),
  ];
}

/** Applies operations of `buildPatch` to a value; the value itself stays as it is. */
export function applyPatch(value: unknown, operations: readonly PatchOperation[]): unknown {
  let root: unknown = structuredClone(value);
  for (const operation of operations) {
    const keys = operation.path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop();
    if (last === undefined) {
      root = operation.op === 'remove' ? undefined : operation.value;
      continue;
    }
    const parent = keys.reduce<unknown>((holder, key) => (holder as Record<string, unknown>)[key], root);
    if (Array.isArray(parent)) {
      const index = last === '-' ? parent.length : Number(last);
      if (operation.op === 'remove') parent.splice(index, 1);
      else parent.splice(index, operation.op === 'add' ? 0 : 1, operation.value);
    } else if (operation.op === 'remove') Reflect.deleteProperty(parent as object, last);
    else
      Object.defineProperty(parent, last, {
        value: operation.value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return root;
}
