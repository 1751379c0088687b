import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createStateFolder } from './state-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-state-'));
afterAll(() => rmSync(dir, { recursive: true }));
const source = join(dir, 'source');
const service = (name: string, rest = ''): string => `# ${name}\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]${rest}}\n`;

describe('the state folder', () => {
  const given = join(dir, 'web.yaml');
  writeFileSync(given, [service('a'), service('b'), service('headless', ', clusterIP: None'), service('named', ', type: ExternalName')].join('---\n'));
  writeFileSync(join(dir, 'broken.yaml'), 'a: [1\n');
  const before = readFileSync(given, 'utf8');
  const state = createStateFolder(source, { given: [given, join(dir, 'broken.yaml')], system: [], secretsFolder: dir });
  const copy = join(source, 'given/00/web.yaml');
  const ips = (): unknown[] => parseAllDocuments(readFileSync(copy, 'utf8')).map((document) => document.getIn(['spec', 'clusterIP']));

  it('gives each Service that needs one an address of its own, and never writes to its source', () => {
    expect(ips()).toEqual(['10.96.0.10', '10.96.0.11', 'None', undefined]);
    expect(readFileSync(copy, 'utf8')).toContain('# a\n');
    expect(readFileSync(given, 'utf8')).toBe(before);
  });

  it('keeps Secrets out of what galley reads', () => {
    const folder = mkdtempSync(join(dir, 'secrets-'));
    writeFileSync(join(dir, 'mixed.yaml'), `${service('a')}---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: hidden}\n`);
    const mixed = createStateFolder(join(dir, 'mixed'), { given: [join(dir, 'mixed.yaml')], system: [], secretsFolder: folder });
    expect(mixed.secrets.all).toMatchObject([{ metadata: { name: 's' } }]);
    expect(readFileSync(join(dir, 'mixed/given/00/mixed.yaml'), 'utf8')).not.toContain('hidden');
    expect(readFileSync(join(folder, 'given_00_mixed.yaml'), 'utf8')).toContain('hidden');
    expect(statSync(join(folder, 'given_00_mixed.yaml')).mode & 0o077).toBe(0);
  });

  it('takes them out of lists, of files written later, and of files that are no YAML', () => {
    const folder = mkdtempSync(join(dir, 'secrets-'));
    const secret = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { key: `hidden-${name}` } });
    writeFileSync(join(dir, 'list.yaml'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [secret('a'), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }] }));
    const state = createStateFolder(join(dir, 'later'), { given: [join(dir, 'list.yaml')], system: [], secretsFolder: folder });
    const [listed, later] = [join(dir, 'later/given/00/list.yaml'), join(dir, 'later/given/00/later.yaml')];
    expect([readFileSync(listed, 'utf8').includes('hidden'), readFileSync(listed, 'utf8').includes('ConfigMap')]).toEqual([false, true]);
    writeFileSync(later, `${service('x')}---\n${JSON.stringify(secret('b'))}\n`);
    expect(state.settle(later)).toBe(true);
    const good = readFileSync(later, 'utf8');
    writeFileSync(later, `${JSON.stringify(secret('d'))}\nno: [yaml`);
    expect(state.settle(later)).toBe(true);
    expect(readFileSync(later, 'utf8')).toBe(good);
    expect(readFileSync(join(folder, 'given_00_later.yaml'), 'utf8')).toContain('hidden-d');
    expect(state.secrets.all).toMatchObject([{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }]);
  });

  it('copies what is no YAML as it is', () => expect(readFileSync(join(source, 'given/01/broken.yaml'), 'utf8')).toBe('a: [1\n'));

  it('keeps a Service\'s address when its file is written anew', () => {
    writeFileSync(copy, [service('b'), service('c')].join('---\n'));
    expect(state.settle(copy)).toBe(true);
    expect(ips()).toEqual(['10.96.0.11', '10.96.0.12']);
    expect(state.settle(copy)).toBe(false);
  });

  it('writes an object whole, and not again when nothing differs', () => {
    state.put('pods/a.yaml', { kind: 'Pod' });
    const path = join(source, 'kubernetes/pods/a.yaml');
    writeFileSync(path, 'touched');
    state.put('pods/a.yaml', { kind: 'Pod' });
    expect(readFileSync(path, 'utf8')).toBe('touched');
    state.remove('pods/a.yaml');
    expect(readdirSync(join(source, 'kubernetes/pods'))).toEqual([]);
  });

  it('refuses a folder without YAML, naming it', () => {
    expect(() => createStateFolder(join(dir, 'other'), { given: [mkdtempSync(join(dir, 'empty-'))], system: [], secretsFolder: dir })).toThrow(/holds no YAML/);
  });
});
