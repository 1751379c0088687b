import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readYamlDocuments } from '@flotilla/std';
import { createStateFolder } from './state-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-state-'));
const service = (name: string, rest = ''): string =>
  `# ${name}\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {ports: [{port: 80}]${rest}}\n`;
const secret = (name: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\nstringData: {key: hidden-${name}}\n`;

/** A state folder derived from one file of a user's, which `write` replaces. */
function stateOf(text: string) {
  const folder = mkdtempSync(join(dir, 'run-'));
  const [given, path, secretsFolder] = [join(folder, 'web.yaml'), join(folder, 'state'), join(folder, 'secrets')];
  mkdirSync(secretsFolder);
  writeFileSync(given, text);
  const state = createStateFolder(path, { given: [given], system: [], secretsFolder });
  const derive = (): void => state.derive({ path: given, readAt: 0 });
  derive();
  return {
    state,
    given,
    secretsFolder,
    write(next: string) {
      writeFileSync(given, next);
      derive();
    },
    remove() {
      rmSync(given);
      derive();
    },
    derived: () => readFileSync(join(path, 'given/00/web.yaml'), 'utf8'),
    secrets: () => readFileSync(join(secretsFolder, 'given_00_web.yaml'), 'utf8'),
    names: () => state.objects.map(({ metadata }) => metadata.name),
    path,
  };
}
const ips = (text: string): unknown[] =>
  parseAllDocuments(text).map((document) => document.getIn(['spec', 'clusterIP']));
const lineOf = (text: string, part: string): number => text.split('\n').findIndex((line) => line.includes(part));

describe('the state folder', () => {
  const text = [
    service('a'),
    service('b'),
    service('headless', ', clusterIP: None'),
    service('named', ', type: ExternalName'),
  ].join('---\n');

  it('gives each Service that needs one an address of its own, and never writes to its source', () => {
    const { derived, given } = stateOf(text);
    expect(ips(derived())).toEqual(['10.96.0.10', '10.96.0.11', 'None', undefined]);
    expect(readFileSync(given, 'utf8')).toBe(text);
  });

  it('leaves every other document at its line', () => {
    const { derived } = stateOf(`${text}---\n${secret('s')}---\nkind: Other\n`);
    for (const part of ['# headless', 'kind: Other', '# b'])
      expect(lineOf(derived(), part)).toBe(lineOf(`${text}---\n${secret('s')}---\nkind: Other\n`, part));
  });

  it('knows where the user has what galley finds in a Service, which is one line there', () => {
    const block = [
      'kind: Other',
      '---',
      '# a Service',
      'apiVersion: v1',
      'kind: Service',
      'metadata: { name: web }',
      'spec:',
      '  ports:',
      '  - port: 80',
      '    name: htp-web',
      '  - { name: odd, port: 81 }',
    ].join('\n');
    const { state, derived } = stateOf(block);
    const file = 'given/00/web.yaml';
    const line = lineOf(derived(), '"Service"') + 1;
    expect(line).toBe(4);
    expect(state.placeOf(file, line, 'spec.ports[0].name')).toEqual({ line: 10, column: 5 });
    expect(state.placeOf(file, line, 'spec.ports[1].name')).toEqual({ line: 11, column: 7 });
    expect(state.placeOf(file, line, 'spec.ports[1]')).toEqual({ line: 11, column: 5 });
    expect(state.placeOf(file, line, 'metadata.name')).toEqual({ line: 6, column: 13 });
    expect(state.placeOf(file, line, 'spec.clusterIP')).toBeUndefined();
    expect(state.placeOf(file, 1, 'kind')).toBeUndefined();
    expect(state.placeOf('given/00/other.yaml', 1, 'kind')).toBeUndefined();
  });

  it('leaves every other document its number, wherever the Secret is', () => {
    const read = readYamlDocuments(
      stateOf(`${secret('s')}---\n${service('a')}---\n${secret('t')}---\nkind: Other\n`).derived(),
    );
    expect(read.ok && read.value.map(({ index }) => index)).toEqual([2, 4]);
  });

  it("keeps a Service's address when its file changes", () => {
    const { write, derived } = stateOf(text);
    write([service('b'), service('c')].join('---\n'));
    expect(ips(derived())).toEqual(['10.96.0.11', '10.96.0.12']);
  });

  it('keeps Secrets, also those in Lists, out of what galley reads, for their owner alone', () => {
    const list = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'l' }, stringData: { key: 'hidden-l' } },
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } },
      ],
    });
    const { state, derived, secrets, secretsFolder } = stateOf(`${service('a')}---\n${secret('s')}---\n${list}\n`);
    expect(derived()).not.toContain('hidden');
    expect(derived()).toContain('ConfigMap');
    expect(secrets()).toMatch(/hidden-s[^]*hidden-l/);
    expect(statSync(join(secretsFolder, 'given_00_web.yaml')).mode & 0o077).toBe(0);
    expect(state.secrets).toMatchObject([{ metadata: { name: 's' } }, { metadata: { name: 'l' } }]);
  });

  it.each(['no: [yaml', '\ttab: 1', 'a: "never ends', '  wrong:\n indentation: 1\n- x'])(
    'lets a mistake cost its document alone, and keeps what the file held before: %j',
    (mistake) => {
      const { write, names, given, derived, state } = stateOf([service('a'), service('b')].join('---\n'));
      const next = `${service('c')}---\n${service('a', ', type: LoadBalancer')}---\n${mistake}`;
      write(next);
      expect(names()).toEqual(['c', 'a', 'b']);
      expect(state.objects.find(({ metadata }) => metadata.name === 'a')?.spec).toMatchObject({ type: 'LoadBalancer' });
      expect(readFileSync(given, 'utf8')).toBe(next);
      expect(parseAllDocuments(derived()).flatMap(({ errors }) => errors).length).toBeGreaterThan(0);
      write(service('a'));
      expect(names()).toEqual(['a']);
    },
  );

  it.each([
    ['in a document of its own', `${secret('d')}---\nno: [yaml`],
    ['in the Secret', secret('d').replace('{key', '{[key')],
    ['that swallows the Secret', `a: "never ends\n---\n${secret('d')}`],
  ])('shows galley a mistake %s, and nothing of a Secret', (_, mistake) => {
    const { write, derived, state, given } = stateOf(`${service('a')}---\n${secret('b')}`);
    write(`${service('a')}---\n${mistake}`);
    expect(derived()).not.toContain('hidden');
    expect(parseAllDocuments(derived()).flatMap(({ errors }) => errors).length).toBeGreaterThan(0);
    expect(state.secrets.map(({ metadata }) => metadata.name)).toContain('b');
    expect(readFileSync(given, 'utf8')).toContain(mistake);
  });

  it('forgets a file that is removed, with its Secrets', () => {
    const { remove, state, secretsFolder, path } = stateOf(`${service('a')}---\n${secret('b')}`);
    remove();
    expect([state.objects, state.secrets, readdirSync(secretsFolder), readdirSync(join(path, 'given/00'))]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  it('writes an object whole, and not again when nothing differs', () => {
    const { state, path } = stateOf(text);
    state.put('pods/a.yaml', { kind: 'Pod' });
    const file = join(path, 'kubernetes/pods/a.yaml');
    writeFileSync(file, 'touched');
    state.put('pods/a.yaml', { kind: 'Pod' });
    expect(readFileSync(file, 'utf8')).toBe('touched');
    state.remove('pods/a.yaml');
    expect(readdirSync(join(path, 'kubernetes/pods'))).toEqual([]);
  });

  it('refuses a folder without YAML, naming it', () => {
    expect(() =>
      createStateFolder(join(dir, 'other'), {
        given: [mkdtempSync(join(dir, 'empty-'))],
        system: [],
        secretsFolder: dir,
      }),
    ).toThrow(/contains no YAML/);
  });
});
