/** A message about many objects names the first ones: there may be a message for each of them. */
const maxNamed = 10;
/** So many names are worth knowing: one more than are shown, and the one of the object itself. */
export const maxKnown = maxNamed + 2;

/** Names of objects as a message lists them, in order. */
export const listNames = (names: readonly string[]): string =>
  names.length > maxNamed ? `${names.slice(0, maxNamed).join(',')} and others` : names.join(',');

/** What was found at places of a list, in the order of the list. */
export const inOrder = <T>(found: ReadonlyMap<number, T>): readonly T[] =>
  [...found].sort(([a], [b]) => a - b).map(([, one]) => one);
