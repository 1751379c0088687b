import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxFileBytes, parseDocuments, parseYaml, type ParsedDocument } from './documents.ts';

const documentsOf = (text: string): readonly ParsedDocument[] => {
  const file = parseDocuments(new TextEncoder().encode(text));
  if ('problem' in file) throw new Error(file.problem.message);
  return file.documents;
};
const valueOf = (text: string): unknown => documentsOf(text)[0]?.value;

describe('documents of a file', () => {
  it('reads YAML 1.1 as Kubernetes does: booleans by many words, a dot and times as text', () => {
    expect(valueOf('a: [yes, off, true, "no", 012, 0x1F, 1.5, .5, 1e3, ., 1:30, 2023-01-31]')).toEqual({ a: [true, false, true, 'no', 10, 31, 1.5, 0.5, 1000, '.', '1:30', '2023-01-31'] });
    expect(valueOf('base: &b {x: 1}\nown: {<<: *b, z: 2}')).toEqual({ base: { x: 1 }, own: { x: 1, z: 2 } });
    expect(valueOf('{"apiVersion": "v1", "list": [1, null]}')).toEqual({ apiVersion: 'v1', list: [1, null] });
  });

  it('numbers documents from 1 and goes on after a broken one', () => {
    const found = documentsOf('a: 1\n---\na: 1\na: 2\n---\n# nothing\n---\nb: [1\n---\nc: 3\n');
    expect(found.map(({ index, value, problem }) => [index, value ?? problem?.message])).toEqual([
      [1, { a: 1 }], [2, expect.stringMatching(/^Map keys must be unique at line 4/)], [4, expect.stringMatching(/line \d+/)], [5, { c: 3 }],
    ]);
  });

  it('refuses what is too large, no UTF-8, or grows without end', () => {
    expect(parseDocuments(new Uint8Array(maxFileBytes + 1))).toEqual({ problem: { code: 'too-large', level: 'error', message: `the file has ${maxFileBytes + 1} bytes, more than ${maxFileBytes}; split it` } });
    expect(parseDocuments(Uint8Array.of(0x61, 0x3a, 0x20, 0xff))).toMatchObject({ problem: { code: 'not-utf8' } });
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]', ...['b', 'c', 'd', 'e', 'f'].map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcde'[i]}`).join(', ')}]`)].join('\n');
    expect(documentsOf(bomb)).toMatchObject([{ index: 1, problem: { code: 'yaml-syntax' } }]);
  });

  it('finds a key that is given twice, wherever, in no more time for a large mapping', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `  k${i}: v\n`).join('');
    const began = performance.now();
    expect(documentsOf(`data:\n${keys}---\ndata:\n${keys}  k7: v\n`).map(({ value, problem }) => problem?.message ?? typeof value))
      .toEqual(['object', 'Map keys must be unique at line 40004, column 3: k7 is given twice']);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(documentsOf('a: [{b: 1, "b": 2}]')).toMatchObject([{ problem: { message: 'Map keys must be unique at line 1, column 12: b is given twice' } }]);
    expect(() => parseYaml('a: 1\na: 2')).toThrow('a is given twice');
  });

  it('refuses what is nested without end, in words of its reader', () =>
    expect(documentsOf(`a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)).toMatchObject([{ problem: { message: expect.stringMatching(/^nested too deeply/) as string } }]));

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom('a', ':', ' ', '\n', '-', '{', '[', '&a', '*a', '!', '"', "'", '|', '>', '%', '---\n', '<<', '?')).map((parts) => parts.join(''))), (text) => {
      parseDocuments(new TextEncoder().encode(text));
    }));
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseDocuments(bytes)));
  });
});
