import { defaultMeshConfig } from '@flotilla/model';
import { defaultValues, type PodObject, type Template } from '@flotilla/injector-template';
import { describe, expect, it } from 'vitest';
import { inject } from './inject.ts';
import { validateAnnotations } from './validate-annotations.ts';

describe('annotations of a pod', () => {
  it.each([
    [
      'traffic.sidecar.istio.io/excludeOutboundIPRanges',
      '10.0.0.0/8, 10.1.0.0/16',
      /failed parsing cidr ' 10\.1\.0\.0\/16'/,
    ],
    ['traffic.sidecar.istio.io/excludeInboundPorts', '80,', /failed parsing port ''/],
    ['status.sidecar.istio.io/port', '', /parsing "": invalid syntax/],
    ['prometheus.istio.io/merge-metrics', 'maybe', /strconv\.ParseBool/],
    [
      'proxy.istio.io/config',
      'statusPort: 70000',
      /invalid status port: port number 70000 must be in the range 1\.\.65535/,
    ],
  ])('%s: %j is refused', (name, value, message) => expect(validateAnnotations({ [name]: value })).toMatch(message));

  it.each([
    ['traffic.sidecar.istio.io/excludeInboundPorts', ' 80, 90'],
    ['traffic.sidecar.istio.io/excludeOutboundIPRanges', ''],
    ['proxy.istio.io/config', 'concurrency: 0'],
    ['constructor', 'x'],
    ['toString', 'x'],
  ])('%s: %j is not', (name, value) => expect(validateAnnotations({ [name]: value })).toBeUndefined());
});

it('a proxy configuration larger than Kubernetes takes is not parsed', () => {
  const pod: PodObject = {
    metadata: { annotations: { 'proxy.istio.io/config': `# ${'x'.repeat(256 * 1024)}` } },
    spec: { containers: [] },
  };
  expect(inject(pod, { namespace: 'shop', mesh: defaultMeshConfig(), values: defaultValues })).toEqual({
    ok: false,
    error: 'could not parse proxy config: more than 262144 characters: shorten or split it',
  });
});

it.each([
  [
    'keysPerMapping',
    Array.from({ length: 20_000 }, (_, i) => `k${i}: v\n`).join(''),
    /^could not parse proxy config: more than 2000 keys in one mapping at line \d+/,
  ],
  ['depth', '['.repeat(200_000), /^could not parse proxy config: more than 50 levels/],
])('a proxy configuration beyond the limit of %s is refused', (_, text, message) => {
  const pod: PodObject = { metadata: { annotations: { 'proxy.istio.io/config': text } }, spec: { containers: [] } };
  expect(inject(pod, { namespace: 'shop', mesh: defaultMeshConfig(), values: defaultValues })).toEqual({
    ok: false,
    error: expect.stringMatching(message) as string,
  });
});

it('a template runs once however often it is named, in the place where it is named last', () => {
  const runs: string[] = [];
  const template =
    (name: string): Template =>
    () => {
      runs.push(name);
      return { metadata: { labels: { last: name }, annotations: {} }, spec: { volumes: [] } };
    };
  const pod: PodObject = {
    metadata: { annotations: { 'inject.istio.io/templates': `${'a,b,'.repeat(10_000)}a` } },
    spec: { containers: [] },
  };
  const result = inject(pod, {
    namespace: 'shop',
    mesh: defaultMeshConfig(),
    values: defaultValues,
    templates: { a: template('a'), b: template('b') },
  });
  expect(runs).toEqual(['b', 'a']);
  expect(result).toMatchObject({ ok: true, value: { pod: { metadata: { labels: { last: 'a' } } } } });
});

describe('what an earlier injection noted', () => {
  const withNotes = (annotations: Record<string, string>): PodObject => ({
    metadata: { name: 'web', annotations },
    spec: { containers: [{ name: 'app', image: 'app' }] },
  });
  const options = { namespace: 'shop', mesh: defaultMeshConfig(), values: defaultValues };
  const containers = (annotations: Record<string, string>): unknown => {
    const result = inject(withNotes(annotations), options);
    return result.ok && 'pod' in result.value ? result.value.pod.spec.containers.map(({ name }) => name) : result;
  };

  it.each(['no JSON', '7', '{"containers":"app"}', '{"containers":[{"name":"app"}]}'])(
    'is nothing when its status is %s',
    (status) => {
      expect(containers({ 'sidecar.istio.io/status': status })).toEqual(['app', 'istio-proxy']);
    },
  );
  it.each(['{', '"x"', '{"containers":"x"}', '{"containers":[1]}', '{"initContainers":[{}]}'])(
    'is refused, with the remedy, when its overrides are %s',
    (overrides) => {
      expect(containers({ 'proxy.istio.io/overrides': overrides })).toEqual({
        ok: false,
        error: expect.stringMatching(/proxy\.istio\.io\/overrides .*: remove it$/) as string,
      });
    },
  );
  it('may have null for a list', () => {
    expect(
      containers({
        'sidecar.istio.io/status': '{"containers":["istio-proxy"],"initContainers":null}',
        'proxy.istio.io/overrides': '{"containers":null}',
      }),
    ).toEqual(['app', 'istio-proxy']);
  });
});
