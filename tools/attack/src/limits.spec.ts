import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '@flotilla/tool-control-plane';
import { fileLimitTable, limitTable } from './limits.ts';

const document = join(checkout, 'docs/security.md');
const [begin, end] = ['<!-- limits: npm test -- tools/attack/src/limits.spec.ts -u -->', '<!-- end of limits -->'];

it('docs/security.md has every limit with its default', async () => {
  const text = readFileSync(document, 'utf8');
  const [before, rest = ''] = text.split(begin);
  const [, after] = rest.split(end);
  const table = await limitTable();
  expect(table.split('\n').length).toBeGreaterThan(20);
  await expect(
    `${before}${begin}\n${table}\n\nThese are the limits of text from outside, by its kind:\n\n${fileLimitTable()}\n${end}${after}`,
  ).toMatchFileSnapshot(document);
});
