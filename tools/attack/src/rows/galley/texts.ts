import { expect, table, type Attack } from '../../attack.ts';
import { forgery } from '../../suite/judge.ts';
import { problemsOf, untilProblem } from './problems.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const resource = (
  kind: string,
  spec: object,
  {
    group = 'networking.istio.io/v1beta1',
    metadata = {},
  }: { readonly group?: string; readonly metadata?: object } = {},
): string =>
  JSON.stringify({ apiVersion: group, kind, metadata: { name: 'attack', namespace: 'shop', ...metadata }, spec });
const virtualService = (http: object): string =>
  resource('VirtualService', {
    hosts: ['attack.test'],
    http: [{ ...http, route: [{ destination: { host: 'catalog.test' } }] }],
  });
const pod = (annotations: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'attack', namespace: 'shop', labels: { app: 'attack' }, annotations },
    spec: { containers: [{ name: 'a', image: 'a' }], nodeName: 'n' },
    status: { podIP: '10.0.9.9', phase: 'Running' },
  });

/** A file that is wrong: a problem that names it, soon. */
const isProblem = (
  name: string,
  content: () => string | Uint8Array,
  more: Partial<Row> & { readonly says?: RegExp } = {},
): Row => {
  const { says, ...rest } = more;
  return {
    name,
    describe: 'an invalid value: a problem that names the file',
    run: async (mesh) => {
      mesh.write('text.json', content());
      const problem = await untilProblem(mesh, 'text.json');
      const text = JSON.stringify(problem);
      expect('a problem of at most 4 kB', `${text.length} characters`, text.length <= 4096);
      if (says) expect(`a problem about ${says.source}`, text, says.test(text));
    },
    ...rest,
  };
};
/** A file that may be valid or not: it delays no other change. */
const isRead = (name: string, content: () => string | Uint8Array, more: Partial<Row> = {}): Row => ({
  name,
  describe: 'an extreme value: accepted or refused, other changes are not delayed',
  run: async (mesh) => {
    mesh.write('text.json', content());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await problemsOf(mesh);
  },
  ...more,
});

/** Texts in resources that somebody parses. */
export const texts = table({ service: 'galley', kind: 'texts' }, [
  // ddf8edd: exponential, the process never answered again.
  isProblem(
    'a timeout on which a regular expression would backtrack',
    () => virtualService({ timeout: `${'11h'.repeat(40)}x` }),
    {
      form: 'quick',
      says: /timeout/,
    },
  ),
  isProblem('a timeout with 1,000,000 digits', () => virtualService({ timeout: `${'9'.repeat(1_000_000)}s` })),
  isProblem('a timeout with 300,000 parts', () => virtualService({ timeout: '1h'.repeat(300_000) })),
  // ddf8edd: pilot, too, never answered again.
  isRead(
    "a pod's drain duration on which a regular expression would backtrack",
    () => pod({ 'proxy.istio.io/config': `drainDuration: "${'11h'.repeat(40)}x"` }),
    { form: 'short' },
  ),
  isRead("a pod's proxy configuration with 20,000 keys", () =>
    pod({ 'proxy.istio.io/config': Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n') }),
  ),
  isProblem('an address with 1,000,000 colons', () =>
    resource('ServiceEntry', {
      hosts: ['attack.test'],
      addresses: [':'.repeat(1_000_000)],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'STATIC',
    }),
  ),
  isProblem('an address range with 300,000 digits', () =>
    resource('ServiceEntry', {
      hosts: ['attack.test'],
      addresses: [`10.0.0.0/${'0'.repeat(300_000)}8`],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'STATIC',
    }),
  ),
  isProblem('a host with 500,000 dots', () =>
    resource('ServiceEntry', {
      hosts: ['a.'.repeat(500_000)],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    }),
  ),
  isProblem('a host with 1,000,000 asterisks', () =>
    resource('VirtualService', { hosts: ['*'.repeat(1_000_000)], http: [{ directResponse: { status: 200 } }] }),
  ),
  isProblem('a name with 1,000,000 dashes', () =>
    resource('Gateway', { servers: [] }, { metadata: { name: `a${'-'.repeat(1_000_000)}` } }),
  ),
  isRead('a regular expression that backtracks', () =>
    virtualService({ match: [{ uri: { regex: `${'(a*)*'.repeat(100)}$` } }] }),
  ),
  isProblem('a regular expression with 1,000,000 brackets', () =>
    virtualService({ match: [{ uri: { regex: '('.repeat(1_000_000) } }] }),
  ),
  isRead('a regular expression with nested repetitions', () =>
    virtualService({ match: [{ headers: { x: { regex: '((a{1000}){1000}){1000}' } } }] }),
  ),
  isRead('a header with 1,000,000 characters', () =>
    virtualService({ headers: { request: { set: { [`x-${'a'.repeat(1_000_000)}`]: 'b' } } } }),
  ),
  isRead('a JWKS with 1,000,000 characters', () =>
    resource(
      'RequestAuthentication',
      { jwtRules: [{ issuer: 'a', jwks: `{"keys":[${'{"kty":"oct"},'.repeat(60_000)}{}]}` }] },
      { group: 'security.istio.io/v1beta1' },
    ),
  ),
  isProblem('a principal with 1,000,000 asterisks', () =>
    resource(
      'AuthorizationPolicy',
      { rules: [{ from: [{ source: { ipBlocks: ['*'.repeat(1_000_000)] } }] }] },
      { group: 'security.istio.io/v1beta1' },
    ),
  ),
  isProblem('a percentage with 300,000 digits', () =>
    virtualService({ fault: { abort: { httpStatus: 503, percentage: { value: '9'.repeat(300_000) } } } }),
  ),
]);

/** Keys that mean something to JavaScript. */
const harmless = (name: string, content: string): Row => ({
  name,
  describe: 'a resource with keys of Object.prototype: no other object is affected',
  run: async (mesh) => {
    mesh.write('keys.json', content);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await problemsOf(mesh);
  },
});
export const pollution = table({ service: 'galley', kind: 'prototype-pollution' }, [
  harmless(
    '__proto__ as a label',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"Sidecar","metadata":{"name":"a","namespace":"shop","labels":{"__proto__":"x","constructor":"y"}},"spec":{"workloadSelector":{"labels":{"__proto__":"x"}}}}',
  ),
  harmless(
    '__proto__ as metadata',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"Gateway","metadata":{"name":"a","namespace":"shop","__proto__":{"namespace":"istio-system"}},"spec":{"servers":[]}}',
  ),
  harmless(
    '__proto__ as spec',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"DestinationRule","metadata":{"name":"a","namespace":"shop"},"spec":{"host":"catalog.test","__proto__":{"trafficPolicy":{"tls":{"mode":"DISABLE"}}}}}',
  ),
  harmless(
    '__proto__ as a namespace',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"Sidecar","metadata":{"name":"constructor","namespace":"__proto__"},"spec":{"egress":[{"hosts":["*/*"]}]}}',
  ),
  harmless(
    'constructor as a host',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"ServiceEntry","metadata":{"name":"constructor","namespace":"other"},"spec":{"hosts":["constructor","valueof.test"],"exportTo":["."],"ports":[{"number":80,"name":"toString","protocol":"HTTP"}],"resolution":"DNS"}}',
  ),
  harmless(
    '__proto__ as a header',
    '{"apiVersion":"networking.istio.io/v1beta1","kind":"VirtualService","metadata":{"name":"a","namespace":"other"},"spec":{"hosts":["ledger.test"],"exportTo":["."],"http":[{"headers":{"request":{"set":{"__proto__":"a","constructor":"b"}}},"route":[{"destination":{"host":"ledger.test"}}]}]}}',
  ),
  harmless(
    '__proto__ by a YAML merge',
    'base: &base {__proto__: {kind: Gateway}}\n<<: *base\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, __proto__: {name: istio, namespace: istio-system}}\n',
  ),
]);

/** What is wrong ends up in logs. */
export const logs = table({ service: 'galley', kind: 'log-injection' }, [
  {
    name: "a resource's name with line breaks",
    describe: 'a name that looks like a log line: one JSON object on each line',
    run: async (mesh) => {
      mesh.write(
        'log.json',
        resource(
          'Gateway',
          { servers: [] },
          { metadata: { name: `a\n{"level":"info","service":"x","msg":"${forgery}"}\n\u001b[2J` } },
        ),
      );
      await untilProblem(mesh, 'log.json');
    },
  },
  {
    name: 'a kind with 1,000,000 characters',
    describe: 'a very long kind: the problem and the log stay small',
    bounds: { logKb: 64 },
    run: async (mesh) => {
      mesh.write('log.json', resource(`VirtualService${'x'.repeat(1_000_000)}`, {}));
      const problem = await untilProblem(mesh, 'log.json');
      expect(
        'a problem of at most 4 kB',
        `${JSON.stringify(problem).length} characters`,
        JSON.stringify(problem).length <= 4096,
      );
    },
  },
  {
    name: '20,000 problems in one file',
    describe: 'a List with 20,000 invalid objects: the log stays small, other changes are not delayed',
    bounds: { logKb: 1024 },
    run: async (mesh) => {
      mesh.write(
        'log.json',
        JSON.stringify({
          kind: 'List',
          items: Array.from({ length: 20_000 }, (_, i) => ({
            apiVersion: 'networking.istio.io/v1beta1',
            kind: 'Gateway',
            metadata: { name: `g${i}` },
            spec: { servers: 1 },
          })),
        }),
      );
      await untilProblem(mesh, 'log.json');
    },
  },
  {
    name: "a file's name with line breaks",
    describe: 'a name that looks like a log line: one JSON object on each line',
    run: async (mesh) => {
      mesh.write(`a\n${forgery}\u001b[31m.yaml`, 'a: [');
      await untilProblem(mesh, forgery);
    },
  },
]);
