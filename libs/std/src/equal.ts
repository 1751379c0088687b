/**
 * Structural equality of plain data: objects, arrays, Maps, Sets, bytes, primitives. An undefined member equals an
 * absent one. Maps and Sets are read in their order, which therefore matters; the order of an object's members does
 * not.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => deepEqual(item, b[i]));
  }
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false;
    return deepEqual([...a], [...b]);
  }
  if (a instanceof Set) {
    if (!(b instanceof Set) || a.size !== b.size) return false;
    return deepEqual([...a], [...b]);
  }
  if (Array.isArray(b) || b instanceof Map || b instanceof Set || b instanceof Uint8Array) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  // Own members only: a label may be called `constructor`.
  for (const key in left) if (!deepEqual(left[key], Object.hasOwn(right, key) ? right[key] : undefined)) return false;
  for (const key in right)
    if (right[key] !== undefined && !(Object.hasOwn(left, key) && left[key] !== undefined)) return false;
  return true;
}

/** JSON with sorted keys: equal data give equal text. */
export function stableStringify(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([x], [y]) => compareText(x, y)))
      : item,
  );
}

/** Byte order as Go's string comparison gives it (for the characters of names). */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
