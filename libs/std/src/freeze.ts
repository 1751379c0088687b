const mutators = ['set', 'add', 'delete', 'clear'] as const;

function refuse(): never {
  throw new TypeError('a shared value must not change');
}

/**
 * Makes a value and everything that it holds immutable: objects, arrays, maps and sets. Bytes stay as they are, as
 * JavaScript can't freeze them. Returns the value.
 */
export function deepFreeze<T>(value: T): T {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const item = left.pop();
    if (typeof item !== 'object' || item === null || ArrayBuffer.isView(item) || Object.isFrozen(item)) continue;
    if (item instanceof Map || item instanceof Set) {
      for (const name of mutators) if (name in item) Object.defineProperty(item, name, { value: refuse });
      left.push(...item.keys(), ...item.values());
    }
    Object.freeze(item);
    for (const key of Reflect.ownKeys(item)) {
      const { value: member } = Object.getOwnPropertyDescriptor(item, key) ?? {};
      left.push(member);
    }
  }
  return value;
}
