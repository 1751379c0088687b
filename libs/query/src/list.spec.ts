import { describe, expect, it } from 'vitest';
import {
  defineQuery,
  Engine,
  ListWatch,
  member,
  sameMember,
  sameMembers,
  Store,
  Subject,
  type MemberList,
  type NamedWatch,
  type Reads,
} from './index.ts';

/** Which members a list has, as `key` or `key@source`; `!source` for a source that fails. */
type Roll = readonly string[] | 'broken';

const item = defineQuery('item', (view: Reads, key: string) => view.get('items', key) ?? view.attr('namespace'));
const otherItem = defineQuery('other-item', (view: Reads, key: string) => view.get('items', key));
const sourceError = new Error('the source is broken');
const naming = defineQuery(
  'naming',
  (view: Reads, key: string): MemberList => {
    const roll = (view.get('rolls', key) ?? []) as Roll;
    if (roll === 'broken') throw new Error('the roll is broken');
    const failed = roll.filter((entry) => entry.startsWith('!')).map((entry) => entry.slice(1));
    return {
      members: roll
        .filter((entry) => !entry.startsWith('!'))
        .map((entry) => {
          const [name = '', source] = entry.split('@');
          return member(item, name, { name, source });
        }),
      failed: failed.map((source) => ({ query: otherItem as never, key: source, source, error: sourceError })),
    };
  },
  { equals: sameMembers },
);

const roll = (value: Roll) => ({ collection: 'rolls', key: 'all', value });
const put = (key: string, value: unknown) => ({ collection: 'items', key, value });
const rig = (value: Roll) => {
  const engine = new Engine(new Store({ rolls: {}, items: {} }));
  engine.apply([roll(value), ...['a', 'b', 'c', 'd'].map((key) => put(key, `${key}1`))]);
  const list = new ListWatch(engine, { naming: naming as never, key: 'all' }, new Subject({ namespace: 'shop' }));
  /** Applies changes, and hands the list each of its watches that has changed. Returns what `note` says of each. */
  const apply = (...changes: Parameters<Engine['apply']>[0] extends Iterable<infer C> ? C[] : never) =>
    [...engine.apply(changes)].map((watch) => list.note(watch));
  return { engine, list, apply };
};
const shown = ({ members }: ListWatch): unknown[] =>
  members.map(({ member: { name }, watch }) => [name, 'value' in watch.outcome ? watch.outcome.value : 'failed']);
const watchOf = ({ members }: ListWatch, name: string): NamedWatch['watch'] => {
  const found = members.find(({ member: named }) => named.name === name);
  if (!found) throw new Error(`${name} is not in the list`);
  return found.watch;
};

describe('a watch over a list', () => {
  it('has the members in the order in which they are named, each with a watch on its result', () => {
    const { list } = rig(['c', 'a', 'b']);
    expect(shown(list)).toEqual([
      ['c', 'c1'],
      ['a', 'a1'],
      ['b', 'b1'],
    ]);
    expect(list.members.map(({ watch }) => watch.list)).toEqual([list, list, list]);
    expect(list.naming?.list).toBe(list);
    expect([list.naming, watchOf(list, 'a')].map((watch) => watch && list.isNaming(watch))).toEqual([true, false]);
  });

  it('does not name again when only a member changes', () => {
    const { engine, list, apply } = rig(['a', 'b']);
    engine.resetStats();
    const before = list.members;
    expect(apply(put('a', 'a2'))).toEqual([false]);
    expect(Object.fromEntries(engine.stats.runs)).toEqual({ item: 1 });
    expect(list.members).toBe(before);
    expect(shown(list)).toEqual([
      ['a', 'a2'],
      ['b', 'b1'],
    ]);
  });

  it('takes in who joins, lets go of who leaves, and keeps the watches of the rest, in the new order', () => {
    const { engine, list, apply } = rig(['a', 'b', 'c']);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => watchOf(list, name));
    expect(apply(roll(['d', 'c', 'a']))).toEqual([true]);
    expect(shown(list)).toEqual([
      ['d', 'd1'],
      ['c', 'c1'],
      ['a', 'a1'],
    ]);
    expect([watchOf(list, 'c'), watchOf(list, 'a')]).toEqual([c, a]);
    expect([b?.list, a?.list]).toEqual([undefined, list]);
    engine.collect();
    // What names the members, and three of them: nobody watches the fourth any more.
    expect(engine.stats.entries).toBe(4);
    expect(engine.apply([put('b', 'b2')]).size).toBe(0);
  });

  it('has a member once that is named twice, by its first name', () => {
    const { list } = rig(['a', 'b', 'a@pods']);
    expect(list.members.map(({ member: named }) => [named.name, named.source])).toEqual([
      ['a', undefined],
      ['b', undefined],
    ]);
  });

  it('stays as it was while what names its members fails, and says so', () => {
    const { list, apply } = rig(['a', 'b']);
    const before = list.members;
    expect(list.failed).toBeUndefined();
    expect(apply(roll('broken'))).toEqual([true]);
    expect(list.failed).toBe(list.naming);
    expect(list.members).toBe(before);
    expect(apply(put('a', 'a2'))).toEqual([false]);
    expect(shown(list)).toEqual([
      ['a', 'a2'],
      ['b', 'b1'],
    ]);
    apply(roll(['b']));
    expect(list.failed).toBeUndefined();
    expect(shown(list)).toEqual([['b', 'b1']]);
  });

  it('is empty where what names its members fails from the beginning', () => {
    const { list, apply } = rig('broken');
    expect([list.members, list.failed === list.naming]).toEqual([[], true]);
    apply(roll(['a']));
    expect(shown(list)).toEqual([['a', 'a1']]);
  });

  it('keeps what it has learned from a source that fails, unwatched, until the source is back', () => {
    const { engine, list, apply } = rig(['a', 'b@pods', 'c@pods', 'd@nodes']);
    const b = watchOf(list, 'b');
    apply(roll(['a', '!pods']));
    // Of another source, which has not failed, the member is gone.
    expect(list.members.map(({ member: { name }, watch }) => [name, watch.list === list])).toEqual([
      ['a', true],
      ['b', false],
      ['c', false],
    ]);
    expect(list.failedSources.map(({ source, error }) => [source, error])).toEqual([['pods', sourceError]]);
    expect(engine.apply([put('b', 'b2')]).size).toBe(0);
    expect(b.outcome).toEqual({ value: 'b1' });
    // Still unwatched, it is kept through further rounds of failure.
    apply(roll(['a', 'd', '!pods']));
    expect(list.members.map(({ member: { name } }) => name)).toEqual(['a', 'd', 'b', 'c']);
    apply(roll(['a', 'b@pods']));
    expect(list.failedSources).toEqual([]);
    expect(shown(list)).toEqual([
      ['a', 'a1'],
      ['b', 'b2'],
    ]);
    expect(watchOf(list, 'b').list).toBe(list);
    expect(apply(put('b', 'b3'))).toEqual([false]);
  });

  it('lets go of members without a source when some source fails', () => {
    const { list, apply } = rig(['a', 'b']);
    apply(roll(['b', '!pods']));
    expect(shown(list)).toEqual([['b', 'b1']]);
  });

  it('may be one member for good', () => {
    const engine = new Engine(new Store({ items: {} }));
    engine.apply([put('a', 'a1')]);
    const list = new ListWatch(engine, { only: member(item, 'a', { name: 'a' }) }, new Subject({}));
    expect([shown(list), list.naming, list.failed]).toEqual([[['a', 'a1']], undefined, undefined]);
    expect([...engine.apply([put('a', 'a2')])].map((watch) => list.note(watch))).toEqual([false]);
    expect(shown(list)).toEqual([['a', 'a2']]);
  });

  it('depends on the attributes that its members depend on, also later ones', () => {
    const { list, apply } = rig(['a']);
    expect(list.signature.paths).toEqual([]);
    apply(put('a', undefined));
    expect(shown(list)).toEqual([['a', 'shop']]);
    expect(list.signature.paths).toEqual(['namespace']);
    apply(put('a', 'a3'));
    expect(list.signature.paths).toEqual(['namespace']);
    apply(roll([]));
    expect(list.members).toEqual([]);
  });

  it('depends on the attributes of a member that it takes in', () => {
    const { list, apply } = rig([]);
    expect(list.signature.paths).toEqual([]);
    apply(roll(['unknown']));
    expect(list.signature.paths).toEqual(['namespace']);
  });

  it('holds nothing once it is closed', () => {
    const { engine, list } = rig(['a', 'b']);
    const watches = [list.naming, ...list.members.map(({ watch }) => watch)];
    list.close();
    expect([list.members, watches.map((watch) => watch?.list)]).toEqual([[], [undefined, undefined, undefined]]);
    engine.collect();
    expect(engine.stats.entries).toBe(0);
  });

  it('leaves a watch alone that belongs to another list', () => {
    const { engine, list } = rig(['a']);
    const other = new ListWatch(engine, { only: member(item, 'a', { name: 'a' }) }, new Subject({ namespace: 'shop' }));
    list.close();
    engine.collect();
    expect([...engine.apply([put('a', 'a2')])]).toEqual([watchOf(other, 'a')]);
  });
});

describe('two members', () => {
  const one = member(item, 'a', { name: 'first', source: 'pods' });
  it.each([
    ['another query', member(otherItem, 'a', { name: 'first', source: 'pods' })],
    ['another key', member(item, 'b', { name: 'first', source: 'pods' })],
    ['another name', member(item, 'a', { name: 'second', source: 'pods' })],
    ['another source', member(item, 'a', { name: 'first', source: 'nodes' })],
    ['no source', member(item, 'a', { name: 'first' })],
  ])('are different with %s', (_, other) => {
    expect([sameMember(one, other), sameMember(other, one)]).toEqual([false, false]);
    expect(sameMembers({ members: [one], failed: [] }, { members: [other], failed: [] })).toBe(false);
  });

  it('are the same when all that is equal', () => {
    const equal = member(item, 'a', { name: 'first', source: 'pods' });
    expect([sameMember(one, one), sameMember(one, equal), sameMember(one, undefined)]).toEqual([true, true, false]);
    expect(Object.keys(member(item, 'a', { name: 'first' }))).not.toContain('source');
  });
});

describe('two answers of a naming query', () => {
  const [a, b] = ['a', 'b'].map((key) => member(item, key, { name: key })) as [never, never];
  const failure = (source: string, error: unknown = sourceError) => ({ query: item as never, key: '', source, error });

  it('are equal with the same members in the same order, and the same failures', () => {
    const answer = (): MemberList => ({ members: [a, b], failed: [failure('pods')] });
    expect(sameMembers(answer(), answer())).toBe(true);
  });

  it.each<[string, MemberList]>([
    ['one member fewer', { members: [a], failed: [failure('pods')] }],
    ['another order', { members: [b, a], failed: [failure('pods')] }],
    ['no failure', { members: [a, b], failed: [] }],
    ['another failed source', { members: [a, b], failed: [failure('nodes')] }],
    ['another error', { members: [a, b], failed: [failure('pods', new Error('again'))] }],
  ])('differ with %s', (_, other) => {
    const answer = { members: [a, b], failed: [failure('pods')] };
    expect([sameMembers(answer, other), sameMembers(other, answer)]).toEqual([false, false]);
  });
});
