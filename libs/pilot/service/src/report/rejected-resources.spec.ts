import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rejectedResources } from './rejected-resources.ts';

const sent = new Set(['10.0.0.1_80', '::1_443', 'outbound|80||a.test', 'outbound|80||b.test']);
const reasonsIn = (error: string): unknown => Object.fromEntries(rejectedResources(error, (name) => sent.has(name)));

it.each([
  [
    'Error adding/updating listener(s) 10.0.0.1_80: duplicate matcher\n::1_443: cannot bind: Permission denied\n',
    { '10.0.0.1_80': '10.0.0.1_80: duplicate matcher', '::1_443': '::1_443: cannot bind: Permission denied' },
  ],
  [
    'Error adding/updating cluster(s) outbound|80||a.test: one, and more, outbound|80||b.test: two',
    {
      'outbound|80||a.test': 'outbound|80||a.test: one, and more',
      'outbound|80||b.test': 'outbound|80||b.test: two',
    },
  ],
  ['Error adding/updating listener(s) unknown: reason', {}],
  ['Proto constraint validation failed (field: outbound|80||a.test: x)', {}],
  ['', {}],
])('%j', (error, reasons) => expect(reasonsIn(error)).toEqual(reasons));

it('finds every resource that is named, with its reason', () => {
  const reason = fc.stringMatching(/^[a-zA-Z.()]{1,20}$/);
  const rejected = fc.dictionary(fc.constantFrom(...sent), reason, { minKeys: 1 });
  fc.assert(
    fc.property(rejected, fc.constantFrom(['listener', '\n'], ['cluster', ', ']), (reasons, [type, separator]) => {
      const parts = Object.entries(reasons).map(([name, text]) => `${name}: ${text}`);
      const found = reasonsIn(`Error adding/updating ${type}(s) ${parts.join(separator)}`);
      expect(found).toEqual(Object.fromEntries(parts.map((part) => [part.slice(0, part.lastIndexOf(': ')), part])));
    }),
  );
});
