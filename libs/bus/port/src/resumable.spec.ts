import { keyOf, parseResource, type AnyResource, type Batch, type Collection } from '@flotilla/model';
import { expect, it } from 'vitest';
import { createResumableSubscriber } from './resumable.ts';

const gateway = (name: string): AnyResource => {
  const parsed = parseResource({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'Gateway',
    metadata: { name, namespace: 'shop' },
    spec: {},
  });
  if (!parsed.ok) throw new Error('not a Gateway');
  return parsed.value.resource;
};
const followed: readonly Collection[] = ['gateways'];
const batch = (put: readonly string[], rest: Partial<Batch> = {}): Batch => ({
  session: 's',
  seq: 1,
  put: put.map((name) => ({ resource: gateway(name) })),
  delete: [],
  complete: [],
  ...rest,
});
const gone = (name: string) => ({ collection: 'gateways' as const, key: keyOf(gateway(name).meta) });

it('deletes at the end of a new subscription what earlier ones gave and it did not', async () => {
  let batches: readonly Batch[] = [];
  const subscriber = createResumableSubscriber({
    async *subscribe() {
      yield* batches;
    },
  });
  const read = async (): Promise<Batch[]> => {
    const found: Batch[] = [];
    for await (const one of subscriber.subscribe(followed, new AbortController().signal)) found.push(one);
    return found;
  };
  batches = [batch(['a', 'b', 'c'], { complete: followed }), batch([], { delete: [gone('c')] })];
  expect(await read()).toEqual(batches);

  batches = [batch(['a']), batch(['d'], { complete: followed }), batch(['e'])];
  const again = await read();
  expect(again.map((one) => one.delete)).toEqual([[], [gone('b')], []]);

  batches = [batch([], { complete: followed })];
  expect((await read())[0]?.delete.map(({ key }) => key.name).sort()).toEqual(['a', 'd', 'e']);
});

it('deletes nothing before the subscription is complete', async () => {
  let batches: readonly Batch[] = [batch(['a'], { complete: followed })];
  const subscriber = createResumableSubscriber({
    async *subscribe() {
      yield* batches;
    },
  });
  for await (const _ of subscriber.subscribe(followed, new AbortController().signal));
  batches = [batch(['b'])];
  for await (const one of subscriber.subscribe(followed, new AbortController().signal)) expect(one.delete).toEqual([]);
});
