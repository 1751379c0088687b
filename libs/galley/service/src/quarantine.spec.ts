import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { noActivity, noObservability, type Logger } from '@flotilla/observability-port';
import { openQuarantine } from './quarantine.ts';

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'quarantine-')), 'state', 'quarantine.json');
function open(file: string) {
  const warnings: string[] = [];
  const log: Logger = { ...noObservability.log, warn: (message) => void warnings.push(message), scope: () => log };
  return { warnings, ...openQuarantine({ file, activity: noActivity, log }) };
}
const object = { hash: 'a', name: 'web.yaml#1', since: '2026-01-01T00:00:00Z' };
const read = () => 'read' as const;

it('makes its file at once, with room for objects when the disk is full', () => {
  const file = newFile();
  expect(open(file).warnings).toEqual([]);
  expect(statSync(file).size).toBe(8192);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ objects: [] });
  expect(open(file).warnings).toEqual([]);
});

it('skips what it holds, and lets out what has changed without giving up its room', async () => {
  const file = newFile();
  open(file);
  writeFileSync(file, JSON.stringify({ objects: [object, { ...object, hash: 'b' }] }).padEnd(8192));
  const { reading, settle } = open(file);
  expect(reading({ name: 'web.yaml#1', hash: 'a' }, read, ({ code }) => code)).toBe('quarantined');
  expect(reading({ name: 'web.yaml#1', hash: 'changed' }, read, ({ code }) => code)).toBe('read');
  await settle();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ objects: [object] });
  expect(statSync(file).size).toBe(8192);
});

it('goes on where it can write nothing, and says what that means', () => {
  const { warnings, reading } = open('/dev/null/quarantine.json');
  expect(warnings).toHaveLength(1);
  expect(reading({ name: 'web.yaml#1', hash: 'a' }, read, ({ code }) => code)).toBe('read');
});
