import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kinds, parseResource, parseValue } from './index.ts';

const virtualService = (spec: unknown, meta: unknown = { name: 'web', namespace: 'shop' }) => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'VirtualService',
  metadata: meta,
  spec,
});

describe('parsing resources', () => {
  it('takes what the API takes: snake_case, numbers as text, durations of Go', () => {
    const parsed = parseResource(
      virtualService({
        hosts: ['web'],
        http: [
          {
            timeout: '1m30s',
            route: [{ destination: { host: 'web', port: { number: '80' } }, weight: 100.0 }],
            direct_response: null,
          },
        ],
      }),
    );
    expect(parsed.ok && parsed.value.resource.spec).toEqual({
      hosts: ['web'],
      http: [{ timeout: 90, route: [{ destination: { host: 'web', port: { number: 80 } }, weight: 100 }] }],
    });
  });

  it('drops unknown fields with a warning that names them, or refuses them when strict', () => {
    const raw = virtualService({ hosts: ['web'], htp: [] });
    const lenient = parseResource(raw);
    expect(lenient.ok && lenient.value.warnings).toEqual([
      { code: 'unknown-field', level: 'warning', path: 'spec.htp', message: 'unknown field "htp" is ignored' },
    ]);
    expect(parseResource(raw, { unknownFields: 'strict' }).ok).toBe(false);
  });

  it('does not know fields that Istio 1.19 does not have', () => {
    const parsed = parseResource({
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'DestinationRule',
      metadata: { name: 'web' },
      spec: {
        host: 'web',
        trafficPolicy: { proxyProtocol: { version: 'V2' }, tls: { mode: 'SIMPLE', caCrl: '/crl' } },
      },
    });
    expect(parsed.ok && parsed.value.warnings.map(({ path }) => path)).toEqual([
      'spec.trafficPolicy.proxyProtocol',
      'spec.trafficPolicy.tls.caCrl',
    ]);
    expect(parsed.ok && parsed.value.resource.spec).toEqual({
      host: 'web',
      trafficPolicy: { tls: { mode: 'SIMPLE' } },
    });
  });

  it.each([
    [virtualService({ hosts: 'web' }), 'spec.hosts', 'expected a list, found "web"'],
    [
      virtualService({ http: [{ timeout: 'soon' }] }),
      'spec.http[0].timeout',
      'expected a duration such as 1.5s, found "soon"',
    ],
    [
      virtualService({ http: [{ timeout: `${'11h'.repeat(40)}x` }] }),
      'spec.http[0].timeout',
      `expected a duration such as 1.5s, found "${'11h'.repeat(20)}..."`,
    ],
    [
      virtualService({ http: [{ retries: { attempts: 1.5 } }] }),
      'spec.http[0].retries.attempts',
      'expected a whole number, found 1.5',
    ],
    [
      virtualService({ http: [{ redirect: { derivePort: 2 ** 31 } }] }),
      'spec.http[0].redirect.derivePort',
      'expected one of FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT, found 2147483648',
    ],
    [virtualService({}, { namespace: 'shop' }), 'metadata.name', 'expected a name'],
    [
      { apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualServise', metadata: { name: 'x' } },
      'kind',
      'unknown kind VirtualServise of networking.istio.io/v1beta1',
    ],
    [
      { apiVersion: 'networking.istio.io/v7', kind: 'VirtualService', metadata: { name: 'x' } },
      'apiVersion',
      'VirtualService has no version v7 in networking.istio.io; use v1beta1 or v1alpha3',
    ],
    ['text', '', 'expected a Kubernetes object with apiVersion, kind and metadata'],
  ])('refuses %j, naming the field and what was expected', (raw, path, message) => {
    const parsed = parseResource(raw);
    expect(parsed.ok ? [] : parsed.error.map((problem) => [problem.path, problem.message])).toEqual([[path, message]]);
  });

  it('reads null in a list or map as the zero value, and of several members of a oneof the last', () => {
    const parsed = parseResource(
      virtualService({
        hosts: [null],
        gateways: [],
        http: [null, { match: [{ uri: { regex: 'c', exact: 'a', prefix: 'b' }, sourceLabels: { app: null } }] }],
      }),
    );
    expect(parsed.ok && parsed.value.resource.spec).toEqual({
      hosts: [''],
      http: [{}, { match: [{ uri: { regex: 'c' }, sourceLabels: { app: '' } }] }],
    });
  });

  const kubernetes = (kind: string, rest: object): object => ({
    apiVersion: kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'v1',
    kind,
    metadata: { name: 'web', namespace: 'shop' },
    ...rest,
  });
  it.each([
    [kubernetes('Pod', { status: { podIPs: 1.5 } }), 'status.podIPs', 'expected a list, found 1.5'],
    [kubernetes('Pod', { status: { podIPs: [null] } }), 'status.podIPs[0]', 'expected a value, found null'],
    [
      kubernetes('Pod', { spec: { containers: [{ name: 'web', ports: [{ containerPort: '80' }] }] } }),
      'spec.containers[0].ports[0].containerPort',
      'expected a port number from 0 to 65535, found "80"',
    ],
    [kubernetes('Service', { spec: { selector: { app: 1 } } }), 'spec.selector["app"]', 'expected text, found 1'],
    [
      kubernetes('Service', { spec: { ports: [{ name: 'http' }] } }),
      'spec.ports[0].port',
      'expected a value, found undefined',
    ],
    [
      kubernetes('EndpointSlice', { endpoints: [{ addresses: [7] }] }),
      'endpoints[0].addresses[0]',
      'expected text, found 7',
    ],
    [
      kubernetes('EndpointSlice', { endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] })) }),
      'endpoints',
      'expected at most 1000 items, found a list of 1001',
    ],
    [
      kubernetes('EndpointSlice', { endpoints: [{ addresses: Array.from({ length: 101 }, () => '10.0.0.1') }] }),
      'endpoints[0].addresses',
      'expected at most 100 items, found a list of 101',
    ],
    [
      kubernetes('EndpointSlice', { ports: Array.from({ length: 20_001 }, () => ({ port: 80 })) }),
      'ports',
      'expected at most 20000 items, found a list of 20001',
    ],
    [kubernetes('Node', { status: { addresses: {} } }), 'status.addresses', 'expected a list, found an object'],
    [
      kubernetes('Pod', { metadata: { name: 'web', ownerReferences: [{ kind: 1, name: 'web' }] } }),
      'metadata.ownerReferences[0].kind',
      'expected text, found 1',
    ],
  ])('refuses an object of Kubernetes with a wrong type: %j', (raw, path, message) => {
    const parsed = parseResource(raw);
    expect(parsed.ok ? [] : parsed.error.map((problem) => [problem.path, problem.message])).toEqual([[path, message]]);
  });

  it("keeps of Kubernetes' objects what the mesh reads, without a word about the rest", () => {
    const pod = kubernetes('Pod', {
      spec: {
        nodeName: 'n',
        volumes: [{ name: 'x' }],
        containers: [{ name: 'web', image: 'web', ports: [{ containerPort: 80 }] }],
      },
      status: { podIP: '10.0.0.1', qosClass: 'BestEffort' },
    });
    const parsed = parseResource(pod);
    expect(parsed.ok && [parsed.value.resource.spec, parsed.value.warnings]).toEqual([
      { nodeName: 'n', containers: [{ name: 'web', ports: [{ containerPort: 80 }] }], status: { podIP: '10.0.0.1' } },
      [],
    ]);
  });

  it('never throws, and reads what it has read to the same again', () => {
    const schemas = kinds.map(({ schema }) => schema);
    fc.assert(
      fc.property(fc.constantFrom(...schemas), fc.anything({ withDate: false }), (schema, raw) => {
        const { value, problems } = parseValue(schema, raw);
        if (problems.length > 0) return;
        expect(parseValue(schema, value)).toEqual({ value, problems: [] });
      }),
    );
  });

  describe('within limits', () => {
    const problemsOf = (spec: unknown): readonly (readonly [string | undefined, string])[] => {
      const parsed = parseResource(virtualService(spec));
      return (parsed.ok ? parsed.value.warnings : parsed.error).map(({ path, message }) => [path, message]);
    };
    const filter = (value: unknown): unknown => ({
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name: 'x' },
      spec: { configPatches: [{ patch: { value } }] },
    });

    it('a text has at most a mebibyte, a key 1024 characters', () => {
      expect(problemsOf({ hosts: ['x'.repeat(2 ** 20)] })).toEqual([]);
      expect(problemsOf({ hosts: ['x'.repeat(2 ** 20 + 1)] })).toEqual([
        ['spec.hosts[0]', `expected a text of at most 1048576 characters, found "${'x'.repeat(60)}..."`],
      ]);
      expect(problemsOf({ http: [{ headers: { request: { set: { ['k'.repeat(1025)]: '' } } } }] })).toMatchObject([
        ['spec.http[0].headers.request.set', expect.stringMatching(/^expected keys of at most 1024 characters/)],
      ]);
      expect(problemsOf({ ['k'.repeat(100_000)]: 1 })[0]?.[1].length).toBeLessThan(200);
    });
    it('values without a schema have them too, and a depth', () => {
      const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 1);
      for (const [value, message] of [
        [{ a: ['x'.repeat(2 ** 20 + 1)] }, /a text of at most/],
        [{ ['k'.repeat(1025)]: 1 }, /keys of at most/],
        [{ a: deep }, /at most 100 levels/],
      ] as const) {
        const parsed = parseResource(filter(value));
        expect(parsed.ok ? [] : parsed.error.map((problem) => problem.message)).toEqual([
          expect.stringMatching(message),
        ]);
      }
      expect(parseResource(filter({ inlineCode: 'x'.repeat(2 ** 20) })).ok).toBe(true);
    });
    it('of very many mistakes the first 50 are listed', () => {
      const problems = problemsOf({ hosts: Array(5000).fill(1) });
      expect(problems).toHaveLength(51);
      expect(problems.at(-1)).toEqual(['spec', '4950 more errors are not listed; solve these first']);
    });
  });
});
