import { table, type Attack } from '../../attack.ts';
import { problemsOf, untilProblem } from './problems.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
type Content = () => string | Uint8Array;
const refused = (name: string, content: Content, more: Partial<Row> & { readonly file?: string } = {}): Row => {
  const { file = 'bomb.yaml', ...rest } = more;
  return {
    name,
    describe: `${name} in a file: a problem that names the file, other changes are not delayed`,
    run: async (mesh) => {
      mesh.write(file, content());
      await untilProblem(mesh, file);
    },
    ...rest,
  };
};
const isRead = (name: string, content: Content): Row => ({
  name,
  describe: `${name} in a file: read or refused, other changes are not delayed`,
  run: async (mesh) => {
    mesh.write('bomb.yaml', content());
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await problemsOf(mesh);
  },
});
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** Configuration that is small and means much work. */
export const yamlBombs = table({ service: 'galley', kind: 'yaml-bombs' }, [
  // ddf8edd: 26 s and more without health, or the end of the process.
  refused('4,000,000 brackets', () => '['.repeat(4_000_000), { form: 'short' }),
  refused('1,000,000 documents', () => '---\n'.repeat(1_000_000), { form: 'short' }),
  refused('1,000,000 complex keys', () => '? '.repeat(1_000_000)),
  refused('20,000 anchors and aliases', () => lines(20_000, (i) => `k${i}: &a${i} [1]\nr${i}: *a${i}`), {
    form: 'quick',
  }),
  refused('aliases that each expand to nine others', () =>
    lines(14, (i) => `a${i}: &a${i} [${Array.from({ length: 9 }, () => (i === 0 ? 'x' : `*a${i - 1}`)).join(',')}]`),
  ),
  refused('an alias of the node that contains it', () => 'a: &a [*a, *a]\n'),
  refused('3,000,000 braces', () => '{'.repeat(3_000_000)),
  refused('1,000,000 dashes', () => '- '.repeat(1_000_000)),
  refused('2,000 levels of indentation', () => lines(2000, (i) => `${' '.repeat(i)}a:`)),
  refused('20,000 merges', () => `a: &a {x: 1}\n${lines(20_000, (i) => `m${i}: {<<: *a}`)}`),
  refused('300,000 keys', () => lines(300_000, (i) => `k${i}: 1`)),
  isRead('one key with 3,000,000 characters', () => `${'k'.repeat(3_000_000)}: 1`),
  isRead('a block scalar with 3,000,000 lines', () => `a: |\n${' \n'.repeat(1_500_000)}`),
  isRead('1,000,000 comments', () => '# a\n'.repeat(1_000_000)),
  isRead('2,000,000 carriage returns', () => 'a: 1\r'.repeat(800_000)),
  isRead('100,000 directives', () => `${'%YAML 1.1\n'.repeat(100_000)}---\na: 1\n`),
  isRead('100,000 tags', () => `a: [${'!!str x,'.repeat(100_000)}]`),
  isRead('300,000 quotes', () => `a: ${'"'.repeat(300_000)}`),
  isRead('500,000 backslashes', () => `a: "${'\\'.repeat(500_000)}"`),
  isRead('2,000,000 spaces before a tab', () => `a:${' '.repeat(2_000_000)}\t: b`),
  refused(
    'a port with 1,000,000 digits',
    () =>
      `apiVersion: networking.istio.io/v1beta1\nkind: ServiceEntry\nmetadata: {name: a, namespace: shop}\nspec: {hosts: [a.test], ports: [{number: ${'9'.repeat(1_000_000)}, name: http, protocol: HTTP}]}\n`,
  ),
  refused('4 MB of nested JSON', () => `${'{"a":'.repeat(700_000)}1${'}'.repeat(700_000)}`, {
    file: 'bomb.json',
    form: 'short',
  }),
  refused('1,000 nested Lists', () => `${'{"kind":"List","items":['.repeat(1000)}${']}'.repeat(1000)}`, {
    file: 'bomb.json',
  }),
  isRead(
    'a JavaScript tag',
    () => 'a: !!js/function "function(){}"\nb: !!js/regexp /a/\nc: !!python/object/apply:os.system [a]\n',
  ),
  isRead(
    '3 MB of binary data',
    () => `apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: shop}\na: !!binary "${'A'.repeat(3_000_000)}"\n`,
  ),
  isRead('100,000 timestamps', () => `a: [${'2001-12-14t21:59:43.10-05:00,'.repeat(100_000)}]\n`),
  isRead(
    'tags as labels and names',
    () =>
      'apiVersion: networking.istio.io/v1beta1\nkind: ServiceEntry\nmetadata: {name: !!binary YQ==, namespace: shop, labels: {a: 2001-12-14, b: !!float 1, __proto__: x, constructor: y}}\nspec: {hosts: [!!binary YS50ZXN0], ports: [{number: !!int "80", name: http, protocol: HTTP}]}\n',
  ),
  isRead(
    'a merge key in the items of a List',
    () =>
      'apiVersion: v1\nkind: List\nx: &x {apiVersion: v1, kind: Pod, metadata: {name: m, namespace: shop}}\nitems:\n- <<: *x\n- {<<: [*x, *x], spec: 1}\n- {<<: {__proto__: {a: 1}}}\n',
  ),
  refused(
    'a List with 3,000 aliases of one item',
    () =>
      `apiVersion: v1\nkind: List\nx: &x {apiVersion: v1, kind: Pod, metadata: {name: m, namespace: shop, annotations: {${Array.from({ length: 100 }, (_, i) => `k${i}: v`).join(', ')}}}}\nitems: [${Array.from({ length: 3000 }, () => '*x').join(',')}]\n`,
  ),
  isRead('keys that are not strings', () => '{a: 1}: b\n[1, 2]: c\nnull: d\n1.5: e\ntrue: f\n? !!set {a, b}\n: g\n'),
  refused('the same key 30,000 times', () => lines(30_000, () => 'a: 1')),
  refused('5 MB', () => 'x'.repeat(5_000_000)),
  refused('invalid UTF-8', () => Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0x28])),
  refused('UTF-16', () => Buffer.from('\ufeffapiVersion: v1\nkind: [', 'utf16le')),
  refused('NUL bytes', () => Buffer.alloc(100_000)),
]);
