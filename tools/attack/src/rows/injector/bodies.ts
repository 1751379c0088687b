import { expect, table, type Attack } from '../../attack.ts';
import { podOf, reviewOf, type Reply } from '../../clients/webhook.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
type Body = (mesh: Mesh) => string | Buffer;
/** The webhook answers one of these; a connection that it ends counts as 413. */
const answers =
  (statuses: readonly number[], body: Body) =>
  async (mesh: Mesh): Promise<void> => {
    const reply = await mesh
      .post(body(mesh))
      .catch((error: NodeJS.ErrnoException): Reply => ({ status: 413, body: error.code ?? error.message }));
    expect(`HTTP ${statuses.join(' or ')}`, `${reply.status} ${reply.body}`, statuses.includes(reply.status));
  };
const refusedAsReview = (name: string, body: Body, form?: Attack['form']): Row => ({
  name,
  ...(form ? { form } : {}),
  describe: 'a body that is not an AdmissionReview: refused at once with the reason',
  run: async (mesh) => {
    const { status, body: text } = await mesh.post(body(mesh));
    expect('allowed: false', `${status} ${text}`, status === 200 && text.includes('"allowed":false'));
  },
});
const pod = (more: object): string => reviewOf({ ...podOf(), ...more });
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** Bodies of POST /inject. */
export const bodies = table({ service: 'sidecar-injector', kind: 'json-bombs' }, [
  refusedAsReview('100,000 brackets', () => '['.repeat(100_000)),
  refusedAsReview('3,000,000 closing brackets', () => '['.repeat(1_500_000) + ']'.repeat(1_500_000), 'short'),
  // ddf8edd: 2.3 s without health.
  {
    name: '5 MB of nested objects as a pod',
    form: 'short',
    describe: '800,000 nested objects: answered while health checks keep passing',
    run: answers([200, 400, 413], () => reviewOf(0).replace('"object":0', `"object":${nested(800_000)}`)),
  },
  {
    name: '5 MB of nested lists as a label',
    describe: 'a label with 2,500,000 nested lists: refused, other requests are served',
    run: answers([200, 413], () =>
      reviewOf(podOf()).replace('"labels":{}', `"labels":{"a":${'['.repeat(2_500_000)}${']'.repeat(2_500_000)}}`),
    ),
  },
  {
    name: '1,000,000 numbers',
    describe: '1,000,000 numbers instead of containers: refused, other requests are served',
    run: answers([200, 413], () => pod({ spec: { containers: Array.from({ length: 1_000_000 }, () => 1) } })),
  },
  {
    name: '300,000 keys',
    describe: 'a pod with 300,000 fields: answered, other requests are served',
    run: answers([200, 413], () => pod(Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, i])))),
  },
  {
    name: 'a number with 1,000,000 digits',
    describe: 'a number with 1,000,000 digits: answered, other requests are served',
    run: answers([200, 413], () => reviewOf(podOf()).replace('"labels":{}', `"labels":{"a":${'9'.repeat(1_000_000)}}`)),
  },
  {
    name: 'a 5 MB string',
    describe: 'a 5 MB annotation: answered, other requests are served',
    run: answers([200, 413], () => reviewOf(podOf({ annotations: { a: 'x'.repeat(5_000_000) } }))),
  },
  {
    name: 'a body larger than the limit',
    describe: '50 MB: refused before it has been read completely',
    run: answers([413], () => Buffer.alloc(50_000_000, 0x20)),
  },
  {
    name: '10,000 containers',
    describe: 'a pod with 10,000 containers and a port in each: answered, other requests are served',
    run: answers([200, 413], () =>
      reviewOf(
        podOf({
          containers: Array.from({ length: 10_000 }, (_, i) => ({
            name: `c${i}`,
            image: 'a',
            ports: [{ containerPort: i + 1 }],
          })),
        }),
      ),
    ),
  },
  {
    name: 'probes in 3,000 containers',
    describe: 'a pod in which each probe has 20 headers and is rewritten: answered, other requests are served',
    run: answers([200, 413], () => {
      const httpHeaders = Array.from({ length: 20 }, (_, i) => ({ name: `x-${i}`, value: 'v' }));
      const probe = { httpGet: { path: '/', port: 80, httpHeaders }, periodSeconds: 1 };
      return reviewOf(
        podOf({
          containers: Array.from({ length: 1500 }, (_, i) => ({
            name: `c${i}`,
            image: 'a',
            livenessProbe: probe,
            readinessProbe: probe,
            startupProbe: probe,
          })),
        }),
      );
    }),
  },
  {
    name: '2,000 annotations',
    describe: 'a pod with as many annotations as fit, under odd names: answered, other requests are served',
    run: answers([200, 413], () =>
      reviewOf(
        podOf({
          annotations: Object.fromEntries(
            Array.from({ length: 2000 }, (_, i) => [
              `${['sidecar.istio.io/', '\0', '/', '__proto__.', '\ud800', ''][i % 6]}${i}`,
              'x'.repeat(80),
            ]),
          ),
        }),
      ),
    ),
  },
  {
    name: '5,000 volumes',
    describe:
      'a pod with 5,000 volumes, and 5,000 mounts in each of two containers: answered, other requests are served',
    run: answers([200, 413], () => {
      const names = Array.from({ length: 5000 }, (_, i) => `v${i}`);
      const volumeMounts = names.map((name) => ({ name, mountPath: `/${name}` }));
      return pod({
        spec: {
          volumes: names.map((name) => ({ name, emptyDir: {} })),
          containers: ['a', 'b'].map((name) => ({ name, image: 'a', volumeMounts })),
        },
      });
    }),
  },
  {
    name: 'a 1 MB uid',
    describe: 'a review with a 1 MB uid, which the answer repeats: answered, other requests are served',
    run: answers([200, 400, 413], () =>
      reviewOf(podOf()).replace('"uid":"attack"', `"uid":"${'u'.repeat(1_000_000)}"`),
    ),
  },
  ...[
    '[]',
    '1',
    '"text"',
    'null',
    'true',
    '[{}]',
    '{"metadata":1}',
    '{"spec":{"containers":{"a":1}}}',
    '{"metadata":{"annotations":[1]}}',
  ].map((object): Row => ({
    name: `${object} as a pod`,
    describe: 'JSON that is not a pod: answered, the process keeps running',
    run: answers([200, 400], () => reviewOf(0).replace('"object":0', `"object":${object}`)),
  })),
  {
    name: '2,000 containers',
    describe: 'a pod with 2,000 containers, ports and probes: answered, other requests are served',
    run: answers([200], () =>
      reviewOf(
        podOf({
          containers: Array.from({ length: 2000 }, (_, i) => ({
            name: `c${i}`,
            image: 'a',
            ports: [{ containerPort: i + 1 }],
            livenessProbe: { httpGet: { port: i + 1, path: '/' } },
          })),
        }),
      ),
    ),
  },
  {
    name: '100,000 ports',
    describe: 'a container with 100,000 ports: answered, other requests are served',
    run: answers([200, 413], () =>
      reviewOf(
        podOf({
          containers: [
            {
              name: 'app',
              image: 'a',
              ports: Array.from({ length: 100_000 }, (_, i) => ({ containerPort: (i % 65_535) + 1 })),
            },
          ],
        }),
      ),
    ),
  },
  { name: 'an empty body', describe: 'no body: HTTP 400', run: answers([400], () => '') },
  refusedAsReview('invalid UTF-8', () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
  refusedAsReview('a NUL in the middle', () => `{"kind":"AdmissionReview"\0}`),
  refusedAsReview('a List within a List', () => reviewOf({ kind: 'List', items: [{ kind: 'List', items: [] }] })),
  refusedAsReview('containers that are a string', () => pod({ spec: { containers: 'all' } })),
  refusedAsReview('a container that is null', () => pod({ spec: { containers: [null] } })),
]);

const injects = async (mesh: Mesh): Promise<void> => {
  const { status, body } = await mesh.inject();
  expect(
    'another pod to be injected as ever',
    `${status} ${body.slice(0, 200)}`,
    status === 200 && body.includes('"patchType":"JSONPatch"'),
  );
};
const pollutes = (name: string, text: () => string): Row => ({
  name,
  describe: 'keys of Object.prototype: no other object is affected',
  run: async (mesh) => {
    const before = await mesh.inject();
    await mesh.post(text());
    await injects(mesh);
    const after = await mesh.inject();
    expect('the same patch for the same pod', after.body.slice(0, 300), after.body === before.body);
  },
});
const withLabels = (json: string): string => reviewOf(podOf()).replace('"labels":{}', `"labels":${json}`);

/** Keys that mean something to JavaScript. */
export const pollution = table({ service: 'sidecar-injector', kind: 'prototype-pollution' }, [
  pollutes('__proto__ as a label', () => withLabels('{"__proto__":"x","constructor":"y"}')),
  pollutes('__proto__ as labels', () => withLabels('{"__proto__":{"polluted":"x"}}')),
  pollutes('__proto__ in the review', () =>
    reviewOf(podOf()).replace('{', '{"__proto__":{"patch":"x","allowed":false},'),
  ),
  pollutes('__proto__ in the pod', () =>
    reviewOf(podOf()).replace('"object":{', '"object":{"__proto__":{"spec":{"hostNetwork":true}},'),
  ),
  pollutes('constructor.prototype in annotations', () =>
    reviewOf(podOf()).replace(
      '"annotations":{}',
      '"annotations":{"constructor":"a","prototype":"b","__proto__":"c","hasOwnProperty":"d"}',
    ),
  ),
  pollutes('__proto__ in proxy.istio.io/config', () =>
    reviewOf(
      podOf({
        annotations: {
          'proxy.istio.io/config': '__proto__: {concurrency: 7}\nproxyMetadata: {__proto__: {A: b}, constructor: x}',
        },
      }),
    ),
  ),
  pollutes('__proto__ as a variable in the path', () => withLabels('{"toString":"1","valueOf":"2"}')),
]);
