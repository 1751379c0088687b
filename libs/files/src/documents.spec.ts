import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxFileBytes, parseDocuments, type ParsedDocument } from './documents.ts';

const documentsOf = (text: string): readonly ParsedDocument[] => {
  const file = parseDocuments(new TextEncoder().encode(text));
  if ('problem' in file) throw new Error(file.problem.message);
  return file.documents;
};

describe('documents of a file', () => {
  it('numbers documents from 1 and goes on after a broken one', () => {
    const found = documentsOf('a: 1\n---\na: 1\na: 2\n---\n# nothing\n---\nb: [1\n---\nc: 3\n');
    expect(found.map(({ index, value, problem }) => [index, value ?? problem?.message])).toEqual([
      [1, { a: 1 }],
      [2, expect.stringMatching(/^Map keys must be unique: a is given twice at line 4/)],
      [4, expect.stringMatching(/line \d+/)],
      [5, { c: 3 }],
    ]);
  });

  it('refuses what is too large, not UTF-8, or beyond a limit', () => {
    expect(parseDocuments(new Uint8Array(maxFileBytes + 1))).toEqual({
      problem: {
        code: 'too-large',
        level: 'error',
        message: `the file has ${maxFileBytes + 1} bytes, more than ${maxFileBytes}; split it`,
      },
    });
    expect(parseDocuments(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toMatchObject({ problem: { code: 'not-utf8' } });
    expect(parseDocuments(new TextEncoder().encode('---\n'.repeat(1_000_000)))).toMatchObject({
      problem: {
        code: 'over-limit',
        level: 'error',
        message: 'more than 20000 documents at line 20001: split it into several files',
      },
    });
    expect(documentsOf(`a: 1\n---\n${'['.repeat(100_000)}`)).toMatchObject([
      { index: 1, value: { a: 1 } },
      { index: 2, problem: { code: 'over-limit' } },
    ]);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(
              fc.constantFrom(
                'a',
                ':',
                ' ',
                '\n',
                '-',
                '{',
                '[',
                '&a',
                '*a',
                '!',
                '"',
                "'",
                '|',
                '>',
                '%',
                '---\n',
                '<<',
                '?',
              ),
            )
            .map((parts) => parts.join('')),
        ),
        (text) => {
          parseDocuments(new TextEncoder().encode(text));
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseDocuments(bytes)));
  });
});
