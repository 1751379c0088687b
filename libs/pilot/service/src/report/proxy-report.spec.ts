import { describe, expect, it } from 'vitest';
import type { Resource } from '@flotilla/ads';
import { idOf, type CollectionKey } from '@flotilla/bus-port';
import { objectKey } from '@flotilla/model';
import { ProxyReport } from './proxy-report.ts';

const type = 'type.googleapis.com/cds';
const resource = (name: string, version = '1'): Resource => ({ name, version, bytes: new Uint8Array() });

/** What changed in a revision. */
const objectOf = (revision: number): CollectionKey =>
  idOf({
    collection: 'gateways',
    key: objectKey({ namespace: 'shop', name: `object of ${revision}`, cluster: 'Kubernetes' }),
  });

function open() {
  const changes: number[] = [];
  const proxy = new ProxyReport({
    onChange: (since) => changes.push(since),
    changedSince: (revision) => (revision === 0 ? undefined : new Set([objectOf(revision)])),
  });
  const send = (nonce: string, resources: readonly Resource[], { isWhole = false, removed = [] as string[] } = {}) =>
    proxy.note({ kind: 'send', typeUrl: type, nonce, version: nonce, resources, removed, isWhole });
  const push = (
    revision: number,
    nonce: string,
    ...sent: Parameters<typeof send> extends [string, ...infer R] ? R : never
  ) => {
    proxy.due(revision);
    send(nonce, ...sent);
    proxy.pushed();
  };
  const ack = (nonce: string): void => proxy.note({ kind: 'acked', typeUrl: type, nonce });
  const reject = (nonce: string, error: string): void => proxy.note({ kind: 'rejected', typeUrl: type, nonce, error });
  /** `name: error (objects)`; `*` for all of a type or all objects. */
  const rejections = (): string[] =>
    [...proxy.rejections()].map(
      ({ resources, objects, error }) =>
        `${[...(resources ?? [])].map(({ name }) => name).join() || '*'}: ${error} (${objects ? [...objects].map(({ key }) => key.name).join() : '*'})`,
    );
  return { proxy, changes, send, push, ack, reject, rejections };
}

describe('what a proxy answers', () => {
  it('a response is open until it is answered, for the objects that were new in it', () => {
    const { proxy, push, send, ack, changes } = open();
    send('n1', [resource('a')]);
    expect([proxy.open.map(({ since }) => since), proxy.isSettled]).toEqual([[0], false]);
    ack('n1');
    push(7, 'n2', [resource('a', '2')]);
    expect(proxy.open.map(({ since }) => since)).toEqual([7]);
    ack('n2');
    expect([proxy.isSettled, changes]).toEqual([true, [0, 0, 7, 7, 7]]);
  });

  it('what a slow proxy has not been sent is due', () => {
    const { proxy, send, ack } = open();
    proxy.due(3);
    proxy.due(4);
    expect(proxy.unsentSince).toBe(3);
    send('n1', [resource('a')]);
    proxy.pushed();
    ack('n1');
    expect([proxy.unsentSince, proxy.isSettled]).toEqual([Infinity, true]);
  });

  it('a rejection that names no resource concerns all of its response, until each is acknowledged or gone', () => {
    const { push, ack, reject, rejections } = open();
    push(3, 'n1', [resource('a'), resource('b'), resource('c')]);
    reject('n1', 'no\n');
    expect(rejections()).toEqual(['a: no\\n (object of 3)', 'b: no\\n (object of 3)', 'c: no\\n (object of 3)']);
    push(4, 'n2', [resource('b', '2')]);
    ack('n2');
    push(5, 'n3', [], { removed: ['c'] });
    ack('n3');
    expect(rejections()).toEqual(['a: no\\n (object of 3)']);
  });

  it('a rejection that names a resource concerns that one; the others are in force', () => {
    const { push, reject, rejections } = open();
    push(3, 'n1', [resource('a'), resource('b')]);
    reject('n1', 'Error adding/updating cluster(s) b: unknown');
    expect(rejections()).toEqual(['b: b: unknown (object of 3)']);
  });

  it('what is rejected again as it was concerns the same objects; in another version, those of it too', () => {
    const { push, ack, reject, rejections } = open();
    push(3, 'n1', [resource('a'), resource('b')], { isWhole: true });
    reject('n1', 'Error adding/updating cluster(s) b: one');
    push(4, 'n2', [resource('a', '2'), resource('b')], { isWhole: true });
    reject('n2', 'Error adding/updating cluster(s) b: two');
    expect(rejections()).toEqual(['b: b: two (object of 3)']);
    push(5, 'n3', [resource('a', '2'), resource('b', '2')], { isWhole: true });
    reject('n3', 'Error adding/updating cluster(s) b: three');
    expect(rejections()).toEqual(['b: b: three (object of 3,object of 5)']);
    push(6, 'n4', [resource('a', '2')], { isWhole: true });
    ack('n4');
    expect(rejections()).toEqual([]);
  });

  it('a rejection that arrives after a later response was sent counts still', () => {
    const { proxy, push, ack, reject, rejections } = open();
    push(3, 'n1', [resource('a')]);
    push(4, 'n2', [resource('b')]);
    reject('n1', 'no');
    ack('n2');
    expect([rejections(), proxy.open]).toEqual([['a: no (object of 3)'], []]);
  });

  it('a response is answered once; of unknown ones nothing is known', () => {
    const { send, ack, reject, rejections } = open();
    send('n1', [resource('a')]);
    reject('n1', 'no');
    ack('n1');
    reject('n9', 'no');
    expect(rejections()).toEqual(['a: no (*)']);
  });

  it('a proxy that answers nothing, or rejects everything, takes a bounded amount of memory', () => {
    const { proxy, push, reject, rejections } = open();
    for (let i = 0; i < 1000; i += 1) push(i + 1, `n${i}`, [resource(`r${i}`)]);
    expect(proxy.open.length).toBeLessThanOrEqual(100);
    push(
      2000,
      'all',
      Array.from({ length: 5000 }, (_, i) => resource(`r${i}`)),
    );
    reject('all', 'x'.repeat(100_000));
    expect([rejections().length, rejections()[0]?.length]).toEqual([1, expect.closeTo(440, -2)]);
  });
});
