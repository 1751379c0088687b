import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createFile, replaceFile } from './index.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'stored-'));

it('a file is replaced as a whole, with its mode, in folders that are made', async () => {
  const path = join(folder(), 'a/b');
  expect(await replaceFile(path, { text: 'one', mode: 0o600 })).toBe('written');
  expect(await replaceFile(path, { text: 'two', mode: 0o600 })).toBe('written');
  const { ino } = statSync(path);
  expect(await replaceFile(path, { text: 'two', mode: 0o600 })).toBe('same');
  expect([
    readFileSync(path, 'utf8'),
    statSync(path).mode & 0o777,
    statSync(path).ino,
    readdirSync(join(path, '..')),
  ]).toEqual(['two', 0o600, ino, ['b']]);
});

it('of several that make a file at once one wins', async () => {
  const path = join(folder(), 'a');
  const made = await Promise.all(['one', 'two', 'three'].map((text) => createFile(path, { text, mode: 0o600 })));
  expect([made.filter((each) => each === 'made').length, readdirSync(join(path, '..'))]).toEqual([1, ['a']]);
  expect(await createFile(path, { text: 'four', mode: 0o600 })).toBe('kept');
});

it("nothing is left behind when it can't be written, and the error names the file", async () => {
  const path = join(folder(), 'a');
  mkdirSync(join(path, 'occupied'), { recursive: true });
  await expect(replaceFile(path, { text: 'x', mode: 0o600 })).rejects.toMatchObject({
    message: expect.stringContaining(`${path} can't be written`) as string,
    code: expect.stringMatching(/^E/) as string,
  });
  expect(readdirSync(join(path, '..'))).toEqual(['a']);
  writeFileSync(join(path, 'file'), '');
  await expect(createFile(join(path, 'file/below'), { text: 'x', mode: 0o600 })).rejects.toMatchObject({
    code: expect.stringMatching(/^E/) as string,
  });
});

it('drafts of a process that was killed go, those of one that runs stay', async () => {
  const path = join(folder(), 'a');
  const [old, fresh, other] = ['.a.1.new', '.a.2.new', '.b.1.new'].map((name) => join(path, '..', name));
  for (const draft of [old, fresh, other]) writeFileSync(draft ?? '', 'x');
  for (const draft of [old, other]) utimesSync(draft ?? '', 1, 1);
  await replaceFile(path, { text: 'x', mode: 0o600 });
  expect(readdirSync(join(path, '..')).sort()).toEqual(['.a.2.new', '.b.1.new', 'a']);
});
