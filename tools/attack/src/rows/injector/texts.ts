import { expect, table, type Attack } from '../../attack.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;

/** The answer about a pod, whatever it is: HTTP 200 and an AdmissionReview. */
export async function answered(mesh: Mesh, annotations: Readonly<Record<string, string>>): Promise<string> {
  const { status, body } = await mesh.inject({ annotations });
  expect('HTTP 200 with a response', `${status} ${body}`, status === 200 && body.includes('"uid":"attack"'));
  return body;
}
const annotation = (key: string, row: Pick<Row, 'name' | 'form'> & { readonly value: () => string }): Row => ({
  name: row.name,
  ...(row.form ? { form: row.form } : {}),
  describe: `annotation ${key}: accepted or refused at once`,
  run: async (mesh) => void (await answered(mesh, { [key]: row.value() })),
});
const config = 'proxy.istio.io/config';
const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');
const listed = (count: number, item: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => item(i)).join(',');

/** Annotations are text of whoever may create a pod. */
export const texts = table({ service: 'sidecar-injector', kind: 'texts' }, [
  // ddf8edd: exponential, the process never answered again.
  annotation(config, {
    name: 'a duration on which a regular expression would backtrack',
    form: 'quick',
    value: () => `drainDuration: "${'11h'.repeat(40)}x"`,
  }),
  annotation(config, {
    name: 'a duration with 200,000 digits',
    value: () => `terminationDrainDuration: "${'9'.repeat(200_000)}s"`,
  }),
  annotation(config, { name: 'a duration with 50,000 parts', value: () => `drainDuration: "${'1h'.repeat(50_000)}"` }),
  // ddf8edd: 9 s without health.
  annotation('sidecar.istio.io/proxyCPU', {
    name: 'a quantity with 40,000 digits',
    form: 'quick',
    value: () => '9'.repeat(40_000),
  }),
  annotation('sidecar.istio.io/proxyMemory', {
    name: 'a quantity with 40,000 zeros after the point',
    value: () => `0.${'0'.repeat(40_000)}1Gi`,
  }),
  annotation('sidecar.istio.io/proxyCPULimit', {
    name: 'a quantity with a 9-digit exponent',
    value: () => '1e999999999',
  }),
  // ddf8edd: 24 s where the library looks for duplicate keys.
  annotation(config, { name: 'YAML with 20,000 keys', form: 'short', value: () => lines(20_000, (i) => `k${i}: 1`) }),
  annotation(config, { name: 'YAML with 100,000 brackets', value: () => '['.repeat(100_000) }),
  annotation(config, { name: 'YAML with 50,000 complex keys', value: () => '? '.repeat(50_000) }),
  annotation(config, { name: 'YAML with 30,000 documents', value: () => '---\n'.repeat(30_000) }),
  annotation(config, { name: 'YAML with a function', value: () => 'a: !!js/function "function(){return 1}"' }),
  annotation(config, {
    name: 'YAML with binary data',
    value: () => `proxyMetadata: {A: !!binary "${'A'.repeat(200_000)}"}`,
  }),
  annotation(config, {
    name: 'YAML with timestamps and merges into __proto__',
    value: () =>
      'a: &a {__proto__: {isAdmin: true}}\nproxyMetadata: {<<: *a, constructor: x, T: 2001-12-14t21:59:43.10-05:00}',
  }),
  annotation(config, {
    name: 'YAML aliases that each expand to nine others',
    value: () =>
      lines(12, (i) => `a${i}: &a${i} [${Array.from({ length: 9 }, () => (i === 0 ? 'x' : `*a${i - 1}`)).join(',')}]`),
  }),
  annotation(config, {
    name: 'YAML with 5,000 merge keys',
    value: () => `a: &a {x: 1}\n${lines(5000, (i) => `m${i}: {<<: *a, y: 2}`)}`,
  }),
  annotation(config, {
    name: 'YAML with 200,000 quotes on one line',
    value: () => `proxyMetadata: {A: ${'"'.repeat(200_000)}}`,
  }),
  annotation(config, {
    name: '5,000 environment variables',
    value: () => `proxyMetadata:\n${lines(5000, (i) => `  K${i}: "v"`)}`,
  }),
  annotation('traffic.sidecar.istio.io/includeInboundPorts', {
    name: '100,000 ports',
    value: () => listed(100_000, (i) => String(i % 65_536)),
  }),
  annotation('traffic.sidecar.istio.io/excludeOutboundIPRanges', {
    name: '30,000 address ranges',
    value: () => listed(30_000, (i) => `10.${(i >> 8) & 255}.${i & 255}.0/24`),
  }),
  annotation('traffic.sidecar.istio.io/includeOutboundIPRanges', {
    name: 'an address with 250,000 colons',
    value: () => ':'.repeat(250_000),
  }),
  annotation('sidecar.istio.io/userVolume', {
    name: 'JSON of 100,000 brackets as a volume',
    value: () => '['.repeat(100_000),
  }),
  annotation('sidecar.istio.io/statsInclusionRegexps', {
    name: 'a regular expression that backtracks',
    value: () => `${'(a+)+'.repeat(200)}$`,
  }),
  annotation('inject.istio.io/templates', { name: '20,000 templates', value: () => listed(20_000, () => 'sidecar') }),
  // c662140: each one ran, more than 20 s without health.
  annotation('inject.istio.io/templates', {
    name: 'the same template 120,000 times',
    form: 'short',
    value: () => listed(120_000, () => 'sidecar'),
  }),
  annotation('inject.istio.io/templates', {
    name: 'two templates 30,000 times',
    value: () => listed(30_000, (i) => (i % 2 === 0 ? 'sidecar' : 'gateway')),
  }),
  annotation('traffic.sidecar.istio.io/excludeInboundPorts', {
    name: '1,000,000 empty port numbers',
    value: () => ','.repeat(1_000_000),
  }),
  annotation('inject.istio.io/templates', {
    name: '__proto__ as a template',
    value: () => '__proto__,constructor,toString',
  }),
]);
