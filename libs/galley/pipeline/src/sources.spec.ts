import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { versionOf, objectKey, type ObjectId, type SourceEvent } from '@flotilla/model';
import { Pipeline } from './index.ts';

const scope = { cluster: 'Kubernetes', collection: 'service-entries' } as const;
const idOf = (name: string): ObjectId => ({
  ...scope,
  key: objectKey({ namespace: 'shop', name, cluster: scope.cluster }),
});
const found = (name: string, hosts: unknown, generation?: number): SourceEvent => ({
  type: 'object',
  ...idOf(name),
  object: {
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'shop', ...(generation === undefined ? {} : { generation }) },
    spec: { hosts, ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
  },
  origin: { type: 'cluster', cluster: 'Kubernetes', ...(generation === undefined ? {} : { generation }) },
});
const gone = (name: string): SourceEvent => ({ type: 'gone', ...idOf(name) });
const synced: SourceEvent = { type: 'synced', ...scope };
const relist: SourceEvent = { type: 'relist', ...scope };

function rig(...names: string[]) {
  const pipeline = new Pipeline({ session: 's', sources: names.map((name) => ({ name, scopes: [scope] })) });
  const apply = (source: string, ...events: SourceEvent[]) =>
    pipeline.apply(source, [{ cause: source, readAt: 0, events }]);
  const inForce = (): Record<string, unknown> =>
    Object.fromEntries(
      [...pipeline.resources].map(({ meta, spec }) => [
        `${meta.namespace}/${meta.name}`,
        (spec as { hosts: string[] }).hosts[0],
      ]),
    );
  return { pipeline, apply, inForce };
}

describe('objects of several sources', () => {
  it('are in force from the first source by rank that has a good version', () => {
    const { pipeline, apply, inForce } = rig('first', 'second');
    apply('second', found('a', ['second.test']));
    apply('first', found('a', 'not a list'));
    expect(inForce()).toEqual({ 'shop/a': 'second.test' });
    apply('first', found('a', ['first.test']));
    expect(inForce()).toEqual({ 'shop/a': 'first.test' });
    expect(pipeline.problems).toMatchObject([{ code: 'duplicate', resource: 'service-entries shop/a' }]);
    expect(apply('first', gone('a')).put).toMatchObject([{ resource: { spec: { hosts: ['second.test'] } } }]);
    expect(pipeline.problems).toEqual([]);
  });

  it('go when a list of their source does not contain them, and not before it is whole', () => {
    const { apply, inForce } = rig('one');
    apply('one', found('a', ['a.test']), found('b', ['b.test']), synced);
    expect(apply('one', relist, found('c', ['c.test'])).delete).toEqual([]);
    expect(Object.keys(inForce())).toEqual(['shop/a', 'shop/b', 'shop/c']);
    expect(apply('one', found('b', ['b.test']), synced).delete).toMatchObject([{ key: idOf('a').key }]);
  });

  it('go when another run of their source does not contain them; what is only kept stays', () => {
    const { pipeline, apply, inForce } = rig('one');
    apply('one', found('a', ['a.test']), found('b', ['b.test']), found('c', ['c.test']), synced);
    expect(pipeline.isSynced('one')).toBe(true);
    pipeline.begin('one');
    expect(pipeline.isSynced('one')).toBe(false);
    apply('one', found('a', ['a.test']), { type: 'kept', ...idOf('b') }, synced);
    expect(Object.keys(inForce())).toEqual(['shop/a', 'shop/b']);
  });

  it('come to the same by any order of events, with any failures of runs between', () => {
    const event = fc.record({
      source: fc.constantFrom('first', 'second'),
      name: fc.constantFrom('a', 'b'),
      is: fc.constantFrom('1.test', '2.test', 'gone', 'run again'),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const { pipeline, apply, inForce } = rig('first', 'second');
        const state = new Map<string, Map<string, string>>([
          ['first', new Map()],
          ['second', new Map()],
        ]);
        for (const { source, name, is } of events) {
          const objects = state.get(source) ?? new Map<string, string>();
          if (is === 'run again') {
            // One object is left out of the new run.
            objects.delete(name);
            pipeline.begin(source);
            apply(source, ...[...objects].map(([one, host]) => found(one, [host])), synced);
          } else if (is === 'gone') {
            objects.delete(name);
            apply(source, gone(name));
          } else {
            objects.set(name, is);
            apply(source, found(name, [is]));
          }
        }
        const expected = new Map([...(state.get('second') ?? []), ...(state.get('first') ?? [])]);
        expect(inForce()).toEqual(Object.fromEntries([...expected].map(([name, host]) => [`shop/${name}`, host])));
      }),
    );
  });
});

describe('what becomes of an object', () => {
  it('is told for each generation, with the one that is in force', () => {
    const { pipeline, apply } = rig('one');
    apply('one', found('a', ['a.test'], 1));
    expect(pipeline.outcome(idOf('a'))).toMatchObject({
      generation: '1',
      verdict: 'accepted',
      errors: [],
      warnings: [],
    });
    apply('one', found('a', ['*'], 2));
    expect(pipeline.outcome(idOf('a'))).toMatchObject({
      generation: '2',
      verdict: 'refused',
      errors: [{ path: 'spec.hosts[0]' }],
      inForce: { generation: '1' },
    });
    expect(pipeline.originOf(idOf('a'), '2')).toMatchObject({ generation: 2 });
    expect(pipeline.originOf(idOf('a'), '1')).toMatchObject({ generation: 1 });
    expect(pipeline.originOf(idOf('a'), '3')).toBeUndefined();
    expect(pipeline.outcome(idOf('b'))).toBeUndefined();
  });

  it('has a hash of its content for a generation where there is none', () => {
    const { pipeline, apply } = rig('one');
    const [put] = apply('one', found('a', ['a.test'])).put;
    const generation = put && versionOf(put.resource);
    expect(pipeline.outcome(idOf('a'))?.generation).toBe(generation);
    apply('one', found('a', ['b.test']));
    expect(pipeline.outcome(idOf('a'))?.generation).not.toBe(generation);
  });
});

describe('taking and committing', () => {
  it('takes one object in each step, and puts nothing in force before the commit', () => {
    const { pipeline } = rig('one');
    const events = [found('a', ['a.test']), found('b', ['*']), found('c', ['c.test'])];
    const steps = pipeline.take('one', [{ cause: 'one', readAt: 0, events }]);
    for (const _ of events) {
      expect(steps.next().done).toBe(false);
      expect([[...pipeline.resources], pipeline.problems, pipeline.takeNewProblems()]).toEqual([[], [], []]);
    }
    expect(steps.next().done).toBe(true);
    expect(pipeline.commit('one').put.map(({ resource }) => resource.meta.name)).toEqual(['a', 'c']);
    expect(pipeline.problems).toMatchObject([{ path: 'spec.hosts[0]' }]);
    expect(pipeline.commit('one')).toMatchObject({ put: [], delete: [] });
  });
});

describe('problems', () => {
  it('appear once, however often their object comes, until they were gone', () => {
    const { pipeline, apply } = rig('one');
    const appeared = (): string[] => pipeline.takeNewProblems().map(({ write }) => write().path ?? '');
    apply('one', found('a', ['*']));
    expect(appeared()).toEqual(['spec.hosts[0]']);
    apply('one', found('a', ['*'], 7));
    apply('one', relist, found('a', ['*'], 7), synced);
    expect(appeared()).toEqual([]);
    apply('one', found('a', ['a.test']));
    apply('one', found('a', ['*']));
    expect(appeared()).toEqual(['spec.hosts[0]']);
  });

  it('of a place are those that were told last', () => {
    const { pipeline, apply } = rig('one');
    const problem = { code: 'yaml-syntax', level: 'error', message: 'bad' } as const;
    const origin = { type: 'file', path: 'x.yaml', document: 2 } as const;
    apply('one', { type: 'problems', place: 'x.yaml', problems: [{ problem, origin }] });
    expect(pipeline.problems).toEqual([{ ...problem, origin: 'x.yaml#2' }]);
    pipeline.begin('one');
    apply('one', synced);
    expect(pipeline.problems).toEqual([]);
  });
});
