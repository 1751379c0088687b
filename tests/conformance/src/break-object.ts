/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values of the wrong type, empty ones, hostile ones. */
const odd: readonly unknown[] = [
  null,
  [],
  {},
  '',
  'x',
  -1,
  0,
  1.5,
  true,
  [null],
  { a: null },
  [[]],
  [{}],
  '\0',
  '9'.repeat(22),
  1e300,
  ['a', 'a'],
  'a'.repeat(5000),
  '*',
  '~',
  '/',
  '::1',
  '10.0.0.0/99',
  '1h1x',
  JSON.parse('{"__proto__": 1}'),
  JSON.parse('{"constructor": "x", "toString": {}}'),
  '\u202e\u001b[31m',
  'a.b.c.d',
  '\ud800',
];

type Path = readonly (string | number)[];

function* pathsOf(value: unknown, at: Path = []): Generator<Path> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    yield path;
    yield* pathsOf(item, path);
  }
}

/** A copy of an object with one or two of its values replaced by odd ones; its kind and apiVersion stay. */
export function breakObject<T extends object>(object: T, random: () => number): T {
  const copy = structuredClone(object);
  const pick = <I>(items: readonly I[]): I => items[Math.floor(random() * items.length)] as I;
  for (let left = random() < 0.7 ? 1 : 2; left > 0; left -= 1) {
    const paths = [...pathsOf(copy)].filter(([first]) => first !== 'kind' && first !== 'apiVersion');
    if (paths.length === 0) return copy;
    const path = pick(paths);
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], copy);
    (holder as Record<string | number, unknown>)[path.at(-1) ?? ''] = structuredClone(pick(odd));
  }
  return copy;
}
