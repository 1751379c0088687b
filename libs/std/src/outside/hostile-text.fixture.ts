import fc from 'fast-check';

/**
 * Texts that a reader must survive: short ones of its own alphabet, its words repeated up to 200,000 characters and
 * then spoilt, and any characters at all, NUL and lone surrogates among them.
 */
export function hostileText(alphabet: string, words: readonly string[]): fc.Arbitrary<string> {
  const made = fc.string({ unit: fc.constantFrom(...alphabet, ...words), maxLength: 12 });
  const spoiler = fc.constantFrom('', 'x', ' ', '\0', '\n', '\ud800', '٣', '１', '.', '-');
  const repeated = fc
    .tuple(
      fc.string({ unit: fc.constantFrom(...alphabet, ...words), minLength: 1, maxLength: 3 }),
      fc.constantFrom(30, 100, 40_000),
      spoiler,
    )
    .map(([word, times, end]) => word.repeat(times).slice(0, 200_000) + end);
  return fc.oneof(
    { weight: 4, arbitrary: made },
    { weight: 2, arbitrary: repeated },
    fc.string({ unit: 'binary' }),
    fc.tuple(made, spoiler).map(([text, end]) => text + end),
  );
}
