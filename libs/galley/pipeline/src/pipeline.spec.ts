import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from '@flotilla/model';
import { Pipeline, type FileChange } from './pipeline.ts';

const entry = (name: string, host: string): unknown => ({ apiVersion: 'networking.istio.io/v1beta1', kind: 'ServiceEntry', metadata: { name, namespace: 'shop' }, spec: { hosts: [host], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] } });
const file = (path: string, ...values: unknown[]): FileChange => ({ path, documents: values.map((value, i) => ({ index: i + 1, value })) });
const broken = { index: 1, problem: { code: 'yaml-syntax', level: 'error' as const, message: 'bad indentation' } };
const names = (batch: { put: readonly { resource: { meta: { namespace: string; name: string } } }[] }): string[] => batch.put.map(({ resource }) => keyOf(resource.meta));

describe('from files to batches', () => {
  it('publishes what differs and nothing else', () => {
    const pipeline = new Pipeline('s');
    expect(names(pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'b.test'))]))).toEqual(['shop/a', 'shop/b']);
    expect(names(pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'c.test'))]))).toEqual(['shop/b']);
    expect(pipeline.apply([{ path: 'a.yaml' }]).delete.map(({ key }) => key)).toEqual(['shop/a', 'shop/b']);
  });

  it('keeps the last good version of what is broken, and lets the others go on', () => {
    const pipeline = new Pipeline('s');
    pipeline.apply([file('a.yaml', entry('a', 'a.test'), entry('b', 'b.test'))]);
    const wrong = { ...(entry('a', 'a.test') as object), spec: { hosts: 'a.test' } };
    const batch = pipeline.apply([file('a.yaml', wrong, entry('b', 'new.test'))]);
    expect([names(batch), batch.delete]).toEqual([['shop/b'], []]);
    expect(pipeline.problems).toMatchObject([{ path: 'spec.hosts', origin: 'a.yaml#1', resource: 'service-entries shop/a' }]);
    expect(pipeline.apply([{ path: 'a.yaml', documents: [broken] }])).toMatchObject({ put: [], delete: [] });
    expect(pipeline.apply([file('a.yaml', entry('b', 'new.test'))]).delete.map(({ key }) => key)).toEqual(['shop/a']);
    expect(pipeline.problems).toEqual([]);
  });

  it('takes the first by path of a resource in two files, and the other when that is gone', () => {
    const pipeline = new Pipeline('s');
    pipeline.apply([file('b.yaml', entry('x', 'second.test')), file('a.yaml', entry('x', 'first.test'))]);
    expect(pipeline.problems).toMatchObject([{ code: 'duplicate', origin: 'b.yaml#1', message: expect.stringContaining('already in a.yaml#1') as string }]);
    expect(pipeline.apply([{ path: 'a.yaml' }]).put.map(({ resource }) => (resource.spec as { hosts: string[] }).hosts)).toEqual([['second.test']]);
  });

  it('comes to what a fresh start would read, after any changes of good files', () => {
    const change = fc.record({ path: fc.constantFrom('a.yaml', 'b.yaml'), hosts: fc.option(fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('1.test', '2.test')), { nil: undefined }) });
    fc.assert(fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const state = new Map<string, string>();
      const follow = (pipeline: Pipeline, found: readonly FileChange[], into: Map<string, string>): void => {
        const { put, delete: gone } = pipeline.apply(found);
        for (const { resource } of put) into.set(keyOf(resource.meta), JSON.stringify(resource.spec));
        for (const { key } of gone) into.delete(key);
      };
      const files = new Map<string, FileChange>();
      const pipeline = new Pipeline('s');
      for (const { path, hosts } of changes) {
        const found = hosts ? file(path, ...Object.entries(hosts).map(([name, host]) => entry(name, host))) : { path };
        files.set(path, found);
        follow(pipeline, [found], state);
      }
      const fresh = new Map<string, string>();
      follow(new Pipeline('t'), [...files.values()], fresh);
      expect(new Map([...state].sort())).toEqual(new Map([...fresh].sort()));
    }));
  });
});
