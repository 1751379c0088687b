import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Check, type Converter, type View } from '@flotilla/galley-analysis';
import { checkAgainstScratch, defineQuery } from '@flotilla/query';
import {
  buildProblem,
  keyOf,
  objectKey,
  versionOf,
  type AnyResource,
  type ObjectKey,
  type SourceEvent,
} from '@flotilla/model';
import { configCluster, Pipeline, type PipelineOptions } from './index.ts';
import { fileScopes } from './load.ts';

const collectionOf = {
  ServiceEntry: 'service-entries',
  VirtualService: 'virtual-services',
  DestinationRule: 'destination-rules',
  Gateway: 'gateways',
} as const;
type Kind = keyof typeof collectionOf;
const idOf = (kind: Kind, name: string) =>
  ({
    cluster: configCluster,
    collection: collectionOf[kind],
    key: objectKey({ namespace: 'shop', name, cluster: configCluster }),
  }) as const;
const found = (kind: Kind, name: string, spec: unknown): SourceEvent => ({
  type: 'object',
  ...idOf(kind, name),
  object: { apiVersion: 'networking.istio.io/v1beta1', kind, metadata: { name, namespace: 'shop' }, spec },
  origin: { type: 'file', path: `${name}.yaml`, document: 1 },
});
const gone = (kind: Kind, name: string): SourceEvent => ({ type: 'gone', ...idOf(kind, name) });
const entry = (name: string, ...hosts: string[]): SourceEvent =>
  found('ServiceEntry', name, { hosts, ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'NONE' });
const route = (name: string, host: string, subset?: string): SourceEvent =>
  found('VirtualService', name, {
    hosts: [`${name}.test`],
    http: [{ route: [{ destination: { host, ...(subset === undefined ? {} : { subset }) } }] }],
  });
const rule = (name: string, host: string, ...subsets: string[]): SourceEvent =>
  found('DestinationRule', name, { host, subsets: subsets.map((one) => ({ name: one, labels: { v: one } })) });

function rig(options: Partial<PipelineOptions> = {}) {
  const pipeline = new Pipeline({ session: 's', sources: [{ name: 'files', scopes: fileScopes() }], ...options });
  const apply = (...events: SourceEvent[]) =>
    pipeline.apply('files', [{ cause: 'test', readAt: 0, events, trace: 'trace' }]);
  /** How often each query has run since this was last called. */
  const takeRuns = (): ReadonlyMap<string, number> => {
    const runs = new Map(pipeline.queries.stats.runs);
    pipeline.queries.resetStats();
    return runs;
  };
  const problems = (): unknown[] => pipeline.problems.map(({ resource, path, message }) => [resource, path, message]);
  return { pipeline, apply, problems, takeRuns };
}

describe('checks of objects by what else there is', () => {
  it('say what is not there, until it comes', () => {
    const { apply, problems } = rig();
    apply(route('a', 'web.test', 'v1'), entry('b', 'other.test'));
    expect(problems()).toEqual([
      [
        'virtual-services shop/a',
        'spec.http[0].route[0].destination.host',
        'Referenced host not found: "web.test"; create it or correct the name',
      ],
    ]);
    apply(entry('web', '*.test'));
    expect(problems()).toEqual([
      [
        'virtual-services shop/a',
        'spec.http[0].route[0].destination.subset',
        'Referenced host+subset in destinationrule not found: "web.test+v1"; create it or correct the name',
      ],
    ]);
    apply(rule('web', 'web.test', 'v1'));
    expect(problems()).toEqual([]);
    apply(gone('ServiceEntry', 'web'));
    expect(problems()).toHaveLength(2);
    apply(gone('VirtualService', 'a'));
    expect(problems()).toEqual([
      [
        'destination-rules shop/web',
        'spec.host',
        'No Service or ServiceEntry has the host "web.test", so this has no effect; create it or correct the name',
      ],
    ]);
  });

  it('are run again for what reads a change, not for all objects', () => {
    const { apply, takeRuns } = rig();
    const names = Array.from({ length: 1000 }, (_, i) => `s${i}`);
    apply(...names.flatMap((name) => [entry(name, `${name}.shop.test`), route(name, `${name}.shop.test`)]));
    const first = takeRuns();
    expect([first.get('virtual-service-references'), first.get('known-host')]).toEqual([1000, 1000]);

    const runsOf = (...events: SourceEvent[]): Record<string, number> => {
      apply(...events);
      return Object.fromEntries(takeRuns());
    };
    expect(runsOf(route('s7', 's8.shop.test'))).toEqual({
      'virtual-service-references': 1,
      'mesh-host-conflicts': 1,
      'too-many-delegations': 1,
      'mesh-host': 1,
      'virtual-service-hosts': 1,
    });
    // The host stays known: who names it is not looked at.
    expect(runsOf(entry('s9', 's9.shop.test', 'more.test'))).toEqual({});
    expect(runsOf(gone('ServiceEntry', 's9'))).toEqual({ 'known-host': 1, 'virtual-service-references': 1 });
    expect(runsOf(entry('s9', 's9.shop.test'))).toEqual({ 'known-host': 1, 'virtual-service-references': 1 });
    expect(runsOf(entry('s9', 's9.shop.test'))).toEqual({});
  });

  it('are what they would be from scratch, after any changes', () => {
    const host = fc.constantFrom('a.test', 'b.test', '*.test', 'a');
    const name = fc.constantFrom('x', 'y');
    const event = fc.oneof(
      fc.tuple(name, host).map(([one, of]) => entry(one, of)),
      fc.tuple(name, host, fc.constantFrom('v1', 'v2', undefined)).map(([one, to, subset]) => route(one, to, subset)),
      fc.tuple(name, host, fc.subarray(['v1', 'v2'])).map(([one, of, subsets]) => rule(one, of, ...subsets)),
      fc
        .tuple(fc.constantFrom<Kind>('ServiceEntry', 'VirtualService', 'DestinationRule'), name)
        .map(([kind, one]) => gone(kind, one)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        const one = rig();
        for (const each of events) {
          one.apply(each);
          expect(checkAgainstScratch(one.pipeline.queries)).toEqual([]);
        }
        const other = rig();
        other.apply(...events);
        expect(one.problems()).toEqual(other.problems());
      }),
      { numRuns: 50 },
    );
  });

  it('that fail cost their object and nothing else', () => {
    const failing: Check = {
      name: 'failing',
      collection: 'service-entries',
      query: defineQuery('failing', (view: View, key) => {
        if (view.get('service-entries', key as never)?.spec.hosts?.includes('odd.test')) throw new Error('a bug');
        return [buildProblem('ReferencedResourceNotFound', { reference: 'thing', name: 'x' }, 'spec')];
      }),
    };
    const { pipeline, apply } = rig({ checks: [failing] });
    const { put } = apply(entry('odd', 'odd.test'), entry('even', 'even.test'));
    expect(put.map(({ resource }) => resource.meta.name)).toEqual(['odd', 'even']);
    expect(pipeline.problems.map(({ resource, code, level }) => [resource, code, level])).toEqual([
      ['service-entries shop/even', 'IST0101', 'warning'],
      ['service-entries shop/odd', 'IST0001', 'warning'],
    ]);
    expect(pipeline.outcome(idOf('ServiceEntry', 'even'))?.warnings).toMatchObject([{ code: 'IST0101' }]);
  });
});

/** Makes a Gateway and a VirtualService of each ServiceEntry whose first host begins with `gate.`. */
const gates: Converter = {
  name: 'gates',
  members: defineQuery('gates', (view: View) => view.list('service-entries')),
  convert: defineQuery('gate', (view: View, key) => {
    const found = view.get('service-entries', key as ObjectKey);
    const [host = ''] = found?.spec.hosts ?? [];
    if (!found || !host.startsWith('gate.')) return [];
    if (host === 'gate.bug') throw new Error('a bug');
    const meta = { name: `${found.meta.name}-gate`, namespace: 'shop', cluster: configCluster };
    const owner = { cluster: configCluster, collection: 'service-entries', key: keyOf(found.meta) } as const;
    const base = { apiVersion: 'networking.istio.io/v1beta1', meta };
    return [
      { collection: 'gateways', kind: 'Gateway', ...base, spec: { servers: [{ hosts: [host] }] } } as AnyResource,
      { collection: 'virtual-services', kind: 'VirtualService', ...base, spec: { hosts: [host] } } as AnyResource,
    ].map((resource) => ({ resource, owner }));
  }),
};

describe('resources that are made of others', () => {
  const names = (batch: { put: readonly { resource: AnyResource }[] }): string[] =>
    batch.put.map(({ resource }) => `${resource.collection} ${resource.meta.name}`);

  it('come, change and go with their owner, and have its trace and its origin', () => {
    const { pipeline, apply } = rig({ converters: [gates] });
    const first = apply(entry('a', 'gate.test'), entry('b', 'b.test'));
    expect(names(first)).toEqual([
      'service-entries a',
      'service-entries b',
      'gateways a-gate',
      'virtual-services a-gate',
    ]);
    expect(first.put.map(({ trace }) => trace)).toEqual(['trace', 'trace', 'trace', 'trace']);
    const id = {
      cluster: configCluster,
      collection: 'gateways',
      key: objectKey({ namespace: 'shop', name: 'a-gate', cluster: configCluster }),
    } as const;
    const made = first.put[2]?.resource as AnyResource;
    expect(pipeline.originOf(id, versionOf(made))).toEqual({ type: 'file', path: 'a.yaml', document: 1 });
    expect(pipeline.originOf(id, 'another')).toBeUndefined();

    expect(names(apply(entry('a', 'gate.test', 'more.test')))).toEqual(['service-entries a']);
    expect(names(apply(entry('a', 'gate.other')))).toEqual([
      'service-entries a',
      'gateways a-gate',
      'virtual-services a-gate',
    ]);
    expect(
      apply(entry('a', 'a.test')).delete.map(({ collection, key }) => `${collection} ${key.namespace}/${key.name}`),
    ).toEqual(['gateways shop/a-gate', 'virtual-services shop/a-gate']);
  });

  it('are made again for what changed, one object among 1,000', () => {
    const { apply, takeRuns } = rig({ converters: [gates], checks: [] });
    apply(...Array.from({ length: 1000 }, (_, i) => entry(`s${i}`, `gate.s${i}`)));
    expect(Object.fromEntries(takeRuns())).toEqual({ gates: 2, gate: 1000 });
    apply(entry('s5', 'gate.new'));
    expect(Object.fromEntries(takeRuns())).toEqual({ gate: 1 });
    apply(gone('ServiceEntry', 's6'));
    expect(Object.fromEntries(takeRuns())).toEqual({ gates: 1, gate: 1 });
  });

  it('stay as they were when their conversion fails, and give way to what somebody has written', () => {
    const { apply } = rig({ converters: [gates], checks: [] });
    apply(entry('a', 'gate.test'));
    expect(apply(entry('a', 'gate.bug'))).toMatchObject({ put: [{ resource: { meta: { name: 'a' } } }], delete: [] });
    apply(entry('a', 'gate.test'));
    const written = apply(
      found('VirtualService', 'a-gate', { hosts: ['own.test'], http: [{ redirect: { uri: '/' } }] }),
    );
    expect(written.put).toMatchObject([{ resource: { spec: { hosts: ['own.test'] } } }]);
    expect(names(apply(entry('a', 'gate.other')))).toEqual(['service-entries a', 'gateways a-gate']);
    expect(apply(gone('VirtualService', 'a-gate')).put).toMatchObject([
      { resource: { spec: { hosts: ['gate.other'] } } },
    ]);
  });
});
