/**
 * Sets a member by a key from outside. `__proto__` is a key like any other: plain assignment would change the object's
 * prototype.
 */
export function setMember<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** The member of that name, but nothing that every object inherits, such as `constructor`. */
export const ownMember = <T>(object: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
