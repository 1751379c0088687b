import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { annotationLimits, documentLimits, type YamlLimits } from './read-limits.ts';
import { readYaml, readYamlDocuments } from './yaml.ts';

const valueOf = (text: string): unknown => {
  const read = readYaml(text);
  return read.ok ? read.value : read.error.message;
};
/** What each document has: its number, its line, its value or its problem. */
const documentsOf = (text: string): unknown => {
  const read = readYamlDocuments(text);
  return read.ok
    ? read.value.map(({ index, line, value, problem }) => [index, line, value ?? problem?.message])
    : read.error;
};
const limitOf = (text: string, limits: Partial<YamlLimits> = {}): unknown => {
  const read = readYamlDocuments(text, { limits: { ...documentLimits, ...limits } });
  return read.ok ? read.value.find(({ problem }) => problem)?.problem?.limit : read.error.limit;
};

describe('YAML from outside', () => {
  it('is read as Kubernetes reads it', () => {
    expect(
      valueOf('a: [yes, off, true, "no", 012, 0x1F, 1.5, .5, 1e3, 1e999, 1.e-1, ., e1, -E2, .e3, 1:30, 2023-01-31]'),
    ).toEqual({
      a: [true, false, true, 'no', 10, 31, 1.5, 0.5, 1000, '1e999', 0.1, '.', 'e1', '-E2', '.e3', '1:30', '2023-01-31'],
    });
    expect(valueOf('base: &b {x: 1, w: 1}\nown: {w: 2, <<: *b, z: 2}\nboth: {<<: [{x: 3}, *b]}')).toEqual({
      base: { x: 1, w: 1 },
      own: { x: 1, w: 2, z: 2 },
      both: { x: 3, w: 1 },
    });
    expect(valueOf('1: a\ntrue: b\n"<<": c')).toEqual({ 1: 'a', true: 'b', '<<': 'c' });
    expect(valueOf('%YAML 1.2\n--- !!map\na: !!str 1\nb: !mine x\nc: !!set {d}')).toEqual({
      a: '1',
      b: 'x',
      c: { d: null },
    });
  });

  it('has documents, each with a number and a line, those without content left out', () => {
    expect(documentsOf('# none\n')).toEqual([]);
    expect(
      documentsOf('\ufeff# first\n---\na: 1\n---\n# nothing\n---\nb: 2\n...\n# third\n%YAML 1.1\n---\nc: "\n  x"\n'),
    ).toEqual([
      [1, 1, { a: 1 }],
      [3, 6, { b: 2 }],
      [4, 9, { c: ' x' }],
    ]);
  });

  it('is refused by document: what is broken leaves the others as they are', () => {
    expect(documentsOf('a: 1\n---\na: 1\na: 2\n---\nb: [1\n---\n"c\n---\nd: 4\n')).toEqual([
      [1, 1, { a: 1 }],
      [2, 2, 'Map keys must be unique: a is given twice at line 4, column 1'],
      [3, 5, expect.stringMatching(/ at line 7, column 1$/) as string],
      [4, 7, 'Missing closing "quote at line 9, column 1'],
      [5, 9, { d: 4 }],
    ]);
  });

  it.each([
    ['a: *b', 'the alias *b has no anchor before it at line 1, column 4'],
    ['a: &b [*b]', 'the anchor &b contains itself at line 1, column 8'],
    ['? [a]\n: b', 'a key must be text, but this is a collection at line 1, column 3'],
    ['? \n: b', expect.stringMatching(/^a key must be text, but this is empty/) as string],
    ['<<: [1]', 'the value of << must be a mapping or a list of mappings at line 1, column 5'],
    ['1: a\n"1": b', 'Map keys must be unique: 1 is given twice at line 2, column 1'],
    ['a: "\\ud800x"', 'a surrogate without its pair: write the character itself at line 1, column 4'],
    ['"\\udc00": b', 'a surrogate without its pair: write the character itself at line 1, column 1'],
    ['a: b\n\0', 'the control character U+0000 is not allowed at line 2; remove it'],
    ['a: \ufeffb', 'the control character U+FEFF is not allowed at line 1; remove it'],
    ['a: 1\n---\nb: 1', 'expected one document, but another begins at line 2'],
    ['a: \t- b', expect.any(String) as string],
  ])('%j is refused, saying where', (text, message) => expect(valueOf(text)).toEqual(message));

  it('has keys that are plain data, whatever they are called', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const value = valueOf(`${key}: {polluted: 1}\nb: &b {${key}: 1}\nc: {<<: *b}`) as Record<string, unknown>;
      expect(Object.keys(value)).toEqual([key, 'b', 'c']);
      expect(Object.entries(value)[0]).toEqual([key, { polluted: 1 }]);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.entries(value['c'] as object)).toEqual([[key, 1]]);
    }
  });

  it.each<[keyof YamlLimits, string]>([
    ['length', 'x'.repeat(documentLimits.length + 1)],
    ['lines', '\n'.repeat(documentLimits.lines + 1)],
    ['documents', '---\n'.repeat(1_000_000)],
    ['depth', '['.repeat(4_000_000)],
    ['depth', '? '.repeat(1_000_000)],
    ['depth', '- '.repeat(1_500_000)],
    ['depth', ': '.repeat(1_000_000)],
    ['depth', Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
    ['explicitKeys', '? \n'.repeat(20_000)],
    ['anchors', Array.from({ length: 20_000 }, (_, i) => `a${i}: &a${i} x\nb${i}: *a${i}\n`).join('')],
    ['aliases', `a: &a x\nb: [${'*a, '.repeat(20_000)}]`],
    [
      'expandedNodes',
      [
        'a: &a [x, x, x, x, x, x, x, x, x, x]',
        ...[...'bcdefgh'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`),
      ].join('\n'),
    ],
    [
      'expandedNodes',
      [
        'a0: &a0 {k0: 1}',
        ...Array.from({ length: 900 }, (_, i) => `a${i + 1}: &a${i + 1} {<<: *a${i}, k${i + 1}: 1}`),
      ].join('\n'),
    ],
    ['keysPerMapping', Array.from({ length: documentLimits.keysPerMapping + 1 }, (_, i) => `k${i}: v\n`).join('')],
    ['scalarLength', `a: ${'x'.repeat(4_000_000)}`],
    ['scalarLength', `a: "${'x'.repeat(4_000_000)}`],
    ['scalarLength', `a: '${"''".repeat(1_500_000)}`],
    ['tags', '!a '.repeat(1_000_000)],
    ['directives', '%TAG !a! b\n'.repeat(300_000).concat('---\na')],
  ])('has a limit of %s', (limit, text) => expect(limitOf(text)).toBe(limit));

  it('names the limit, the line and what to do', () => {
    const read = readYamlDocuments('ok: 1\n---\na:\n  b: [[[1]]]\n', { limits: { ...documentLimits, depth: 4 } });
    expect(read.ok && read.value).toEqual([
      { index: 1, line: 1, value: { ok: 1 } },
      {
        index: 2,
        line: 2,
        problem: {
          code: 'over-limit',
          limit: 'depth',
          line: 4,
          message: 'more than 4 levels of nesting at line 4: nest it less deeply',
        },
      },
    ]);
  });

  it('ends at the first mistake, however many there are', () => {
    expect(valueOf(`a: "${'\\q'.repeat(500_000)}"`)).toBe('Invalid escape sequence \\q at line 1, column 5');
    expect(valueOf(']'.repeat(1_000_000))).toMatch(/^Unexpected flow-seq-end token .* at line 1, column 1$/);
  });

  it('takes 20,000 keys', () =>
    expect(
      Object.keys(valueOf(Array.from({ length: 20_000 }, (_, i) => `k${i}: v\n`).join('')) as object),
    ).toHaveLength(20_000));
});

const pieces = [
  'a',
  'b',
  ':',
  ': ',
  ' ',
  '\n',
  '\n  ',
  '- ',
  '-',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '!',
  '!!str ',
  '"',
  "'",
  '|\n',
  '>-\n',
  '%',
  '---\n',
  '...\n',
  '<<',
  '<<: *a',
  '? ',
  '#',
  ' #',
  '\t',
  '\r\n',
  '\ufeff',
  '\0',
  '1',
  '\\',
  '__proto__',
];
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
);

describe('any text', () => {
  it('is read or refused, never thrown, and within the limits', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const read = readYamlDocuments(text, { limits: annotationLimits });
        if (read.ok) expect(read.value.length).toBeLessThanOrEqual(annotationLimits.documents);
      }),
      { numRuns: 2000 },
    );
  });

  it('reads to what the library reads it to, document by document', () => {
    const texts = fc
      .array(fc.constantFrom(...pieces.filter((piece) => !/\0|\ufeff|<<|__proto__|\?/.test(piece))), { maxLength: 20 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        // The library takes the marker of a document within quotes for text, which YAML 1.2 (section 9.1.2) does not,
        // and `1:1` for a number of base 60, which Go's reader does not.
        if (/["'][^]*\n(?:---|\.\.\.)|\d:\d/.test(text)) return;
        const read = readYamlDocuments(text);
        const documents = [...parseAllDocuments(text, { version: '1.1', logLevel: 'silent' })];
        if (!read.ok || documents.some(({ errors }) => errors.length > 0)) return;
        const expected = documents
          .flatMap((document): unknown[] => {
            try {
              return [document.toJS()];
            } catch {
              return ['refused'];
            }
          })
          .filter((value) => value !== null);
        if (
          expected.includes('refused') ||
          JSON.stringify(expected).includes('""') ||
          read.value.some(({ problem }) => problem?.message.startsWith('a key must be text'))
        )
          return;
        expect(read.value.map(({ value, problem }) => problem ?? value)).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('that JSON.stringify writes reads to the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(readYaml(text)).toEqual({ ok: true, value: JSON.parse(text) as unknown });
      }),
    );
  });
});
