import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf, type ObjectKey } from '@flotilla/model';
import { loadResources, FilePipeline, type FileChange } from './index.ts';

const entry = (name: string, host: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name, namespace: 'shop' },
  spec: { hosts: [host], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
});
const file = (path: string, ...values: unknown[]): FileChange => ({
  path,
  documents: values.map((value, i) => ({ index: i + 1, value })),
});
const broken = { index: 1, problem: { code: 'yaml-syntax', level: 'error' as const, message: 'bad indentation' } };
const names = (batch: { put: readonly { resource: { meta: { namespace: string; name: string } } }[] }): string[] =>
  batch.put.map(({ resource: { meta } }) => `${meta.namespace}/${meta.name}`);

describe('from files to batches', () => {
  it('publishes what differs and nothing else', () => {
    const pipeline = new FilePipeline('s');
    expect(names(pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'b.test'))]))).toEqual([
      'shop/a',
      'shop/b',
    ]);
    expect(names(pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'c.test'))]))).toEqual(['shop/b']);
    expect(pipeline.apply([{ path: 'a.yaml' }]).delete.map(({ key }) => `${key.namespace}/${key.name}`)).toEqual([
      'shop/a',
      'shop/b',
    ]);
  });

  it('keeps the last good version of what is broken, and lets the others go on', () => {
    const pipeline = new FilePipeline('s');
    pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'b.test'))]);
    const wrong = { ...(entry('a', 'a.test') as object), spec: { hosts: 'a.test' } };
    const batch = pipeline.apply([file('a.yaml', wrong, entry('b', 'new.test'))]);
    expect([names(batch), batch.delete]).toEqual([['shop/b'], []]);
    expect(pipeline.problems).toMatchObject([
      { path: 'spec.hosts', origin: 'a.yaml#1', resource: 'service-entries shop/a' },
    ]);
    expect(pipeline.apply([{ path: 'a.yaml', documents: [broken] }])).toMatchObject({ put: [], delete: [] });
    expect(
      pipeline.apply([file('a.yaml', entry('b', 'new.test'))]).delete.map(({ key }) => `${key.namespace}/${key.name}`),
    ).toEqual(['shop/a']);
    expect(pipeline.problems).toEqual([]);
  });

  it('takes the first by path of a resource in two files, and the other when that is gone', () => {
    const pipeline = new FilePipeline('s');
    pipeline.apply([file('b.yaml', entry('x', 'second.test')), file('a.yaml', entry('x', 'first.test'))]);
    expect(pipeline.problems).toMatchObject([
      { code: 'duplicate', origin: 'b.yaml#1', message: expect.stringContaining('already in a.yaml#1') as string },
    ]);
    expect(
      pipeline.apply([{ path: 'a.yaml' }]).put.map(({ resource }) => (resource.spec as { hosts: string[] }).hosts),
    ).toEqual([['second.test']]);
  });

  it('comes to what a fresh start would read, after any changes of good files', () => {
    const change = fc.record({
      path: fc.constantFrom('a.yaml', 'b.yaml'),
      hosts: fc.option(fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('1.test', '2.test')), {
        nil: undefined,
      }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const state = new Map<ObjectKey, string>();
        const follow = (pipeline: FilePipeline, found: readonly FileChange[], into: Map<ObjectKey, string>): void => {
          const { put, delete: gone } = pipeline.apply(found);
          for (const { resource } of put) into.set(keyOf(resource.meta), JSON.stringify(resource.spec));
          for (const { key } of gone) into.delete(key);
        };
        const files = new Map<string, FileChange>();
        const pipeline = new FilePipeline('s');
        for (const { path, hosts } of changes) {
          const found = hosts
            ? file(path, ...Object.entries(hosts).map(([name, host]) => entry(name, host)))
            : { path };
          files.set(path, found);
          follow(pipeline, [found], state);
        }
        const fresh = new Map<ObjectKey, string>();
        follow(new FilePipeline('t'), [...files.values()], fresh);
        expect(new Map([...state].sort())).toEqual(new Map([...fresh].sort()));
      }),
    );
  });

  it('keeps what a document held when that no longer says which resource it is', () => {
    const pipeline = new FilePipeline('s');
    pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'b.test'))]);
    expect(pipeline.apply([file('a.yaml', 'nonsense', entry('b', 'b.test'))])).toMatchObject({ put: [], delete: [] });
    expect(
      pipeline.apply([file('a.yaml', entry('b', 'b.test'))]).delete.map(({ key }) => `${key.namespace}/${key.name}`),
    ).toEqual(['shop/a']);
  });

  it("refuses what Istio's webhook refuses, and puts in force what it only warns of", () => {
    const { resources, problems } = loadResources([
      file('a.yaml', entry('a', '*'), {
        ...(entry('b', 'b.test') as object),
        metadata: { name: 'b', namespace: 'shop' },
        spec: { hosts: ['b.test'], ports: [{ number: 80, name: 'tcp' }] },
      }),
    ]);
    expect(resources.map(({ meta }) => meta.name)).toEqual(['b']);
    expect(problems).toMatchObject([
      { level: 'error', origin: 'a.yaml#1', path: 'spec.hosts[0]', message: 'invalid host *' },
      { level: 'warning', origin: 'a.yaml#2', resource: 'service-entries shop/b' },
    ]);
  });

  it('reports problems in printable, bounded words, and few of one document', () => {
    const hostile = `a\nb\u202e${'x'.repeat(3000)}`;
    const unknown = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`${hostile}${i}`, 1]));
    const { problems } = loadResources([
      file(
        'a\n.yaml',
        { ...(entry('a', hostile) as object), spec: { hosts: [hostile], ...unknown } },
        { kind: hostile, apiVersion: 'networking.istio.io/v1' },
      ),
    ]);
    expect(problems.filter(({ origin }) => origin === 'a\\n.yaml#1').map(({ message }) => message)).toContain(
      '4950 more warnings are not listed; solve these first',
    );
    expect(JSON.stringify(problems).length).toBeLessThan(200_000);
    for (const text of problems.flatMap((problem) => Object.values(problem)))
      expect(/[\p{Cc}\p{Cf}]/u.test(text)).toBe(false);
  });

  it("takes lists apart, passes over kinds that are not the mesh's, and tells of misspelt ones", () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        entry('a', 'a.test'),
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } },
        { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name: 'x' } },
      ],
    };
    const { resources, problems } = loadResources([
      file(
        'a.yaml',
        list,
        { apiVersion: 'v1', kind: 'Servce', metadata: { name: 'x' } },
        { apiVersion: 'apps/v1', kind: 'Deploymnt', metadata: { name: 'x' } },
      ),
    ]);
    expect(resources).toHaveLength(1);
    expect(problems.map(({ origin, message }) => [origin, message])).toEqual([
      ['a.yaml#2', 'unknown kind Servce of v1; did you mean Service?'],
      ['a.yaml#3', 'unknown kind Deploymnt of apps/v1; did you mean Deployment?'],
    ]);
  });

  it('names the item of a list that a problem is in', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        entry('a', 'a.test'),
        5,
        {
          apiVersion: 'v1',
          kind: 'List',
          items: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: 3 } }],
        },
      ],
    };
    const { problems } = loadResources([file('a.yaml', list)]);
    expect(problems.map(({ path }) => path)).toEqual(['items[1]', 'items[2].items[0].spec.ports']);
  });

  it('has defaults in force from the first batch on, whenever no file says otherwise', () => {
    const { resources } = loadResources([
      {
        path: 'mesh.yaml',
        documents: [
          {
            index: 1,
            value: { kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh: {} } },
          },
        ],
      },
    ]);
    const pipeline = new FilePipeline('s', resources);
    expect(names(pipeline.apply([]))).toEqual(['/istio']);
    const map = (mesh: unknown): FileChange =>
      file('m.yaml', { kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh } });
    expect(pipeline.apply([map({ accessLogFile: '/dev/stdout' })]).put).toMatchObject([
      { resource: { spec: { accessLogFile: '/dev/stdout' } } },
    ]);
    expect(pipeline.apply([map({ connectTimeout: '31s' })]).put).toEqual([]);
    expect(pipeline.apply([{ path: 'm.yaml' }])).toMatchObject({ put: [{ resource: resources[0] }], delete: [] });
  });

  it('has in force the last good version of each resource that its file still names, after any changes', () => {
    const document = fc.record({
      name: fc.constantFrom('x', 'y', 'z'),
      is: fc.constantFrom('1.test', '2.test', 'wrong type', 'refused'),
    });
    const content = fc.option(
      fc.oneof(
        fc.constant('no yaml' as const),
        fc.uniqueArray(document, { selector: ({ name }) => name, maxLength: 3 }),
      ),
      { nil: undefined },
    );
    fc.assert(
      fc.property(fc.array(content, { maxLength: 12 }), (contents) => {
        const pipeline = new FilePipeline('s');
        let expected = new Map<string, string>();
        for (const found of contents) {
          const wrong = { 'wrong type': { hosts: 'x' }, refused: { hosts: [] } };
          const value = ({ name, is }: { name: string; is: string }): unknown =>
            is in wrong ? { ...(entry(name, '') as object), spec: wrong[is as keyof typeof wrong] } : entry(name, is);
          pipeline.apply([
            found === undefined
              ? { path: 'a.yaml' }
              : found === 'no yaml'
                ? { path: 'a.yaml', documents: [broken] }
                : file('a.yaml', ...found.map(value)),
          ]);
          if (found === 'no yaml') continue;
          const before = expected;
          expected = new Map(
            (found ?? []).flatMap(({ name, is }) => {
              const host = is.endsWith('.test') ? is : before.get(name);
              return host === undefined ? [] : [[name, host] as const];
            }),
          );
        }
        expect(
          new Map([...pipeline.resources].map(({ meta, spec }) => [meta.name, (spec as { hosts: string[] }).hosts[0]])),
        ).toEqual(expected);
      }),
    );
  });
});
