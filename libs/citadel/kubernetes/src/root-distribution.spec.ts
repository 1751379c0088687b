import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { KubeError, resources, type KubeObject } from '@flotilla/kube-port';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createRootDistribution, rootConfigMap } from './root-distribution.ts';

const log = { warn: () => {} } as never;

describe('the root in every namespace', () => {
  let api: FakeKube;
  let clock: ManualClock;
  let stop: AbortController;
  let running: Promise<void>;
  beforeEach(() => {
    api = new FakeKube();
    clock = createManualClock();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const start = (): void => {
    running = createRootDistribution({ api, rootPem: 'ROOT', log, clock, random: () => 0 })(stop.signal);
  };
  const makeNamespace = (name: string): Promise<KubeObject> =>
    api.others.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const nameIn = (namespace: string) => ({ namespace, name: rootConfigMap });

  /** Reads what others see until a namespace's ConfigMap is as wanted. */
  async function becomes(namespace: string, isWanted: (found: KubeObject | undefined) => boolean): Promise<void> {
    for (;;) {
      if (isWanted(await api.others.get(resources.configMaps, nameIn(namespace)))) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const holdsRoot = (found: KubeObject | undefined): boolean =>
    JSON.stringify(found?.['data']) === JSON.stringify({ 'root-cert.pem': 'ROOT' });

  it('is put into those that exist and those that come, but not into those of Kubernetes', async () => {
    for (const name of ['shop', 'kube-system']) await makeNamespace(name);
    start();
    await becomes('shop', holdsRoot);
    await makeNamespace('bank');
    await becomes('bank', holdsRoot);
    expect(await api.get(resources.configMaps, nameIn('kube-system'))).toBeUndefined();
  });

  it('is put back when it is edited or deleted', async () => {
    await makeNamespace('shop');
    start();
    await becomes('shop', holdsRoot);
    await api.others.patch(resources.configMaps, nameIn('shop'), {
      type: 'merge',
      body: { data: { 'root-cert.pem': 'FALSE' } },
    });
    await becomes('shop', holdsRoot);
    await api.others.delete(resources.configMaps, nameIn('shop'));
    await becomes('shop', holdsRoot);
  });

  it('is written again where it could not be', async () => {
    await makeNamespace('shop');
    start();
    await becomes('shop', holdsRoot);
    api.cut();
    await api.others.delete(resources.configMaps, nameIn('shop'));
    api.restore();
    await becomes('shop', holdsRoot);
  });

  /** Holds writes back; each is let go, or refused, by hand. */
  function holdWrites() {
    const held: { readonly namespace: string | undefined; release(error?: KubeError): void }[] = [];
    const { patch } = api;
    api.patch = async (resource, name, change) => {
      const { promise, resolve, reject } = Promise.withResolvers<null>();
      const answer = await patch(resource, name, change);
      held.push({ namespace: name.namespace, release: (error) => void (error ? reject(error) : resolve(null)) });
      await promise;
      return answer;
    };
    const next = async () => {
      for (;;) {
        const first = held.shift();
        if (first) return first;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return { held, next };
  }
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  it('is written into a few of many namespaces at a time', async () => {
    const { held, next } = holdWrites();
    for (let index = 0; index < 100; index += 1) await makeNamespace(`n${index}`);
    start();
    await settle();
    expect(held).toHaveLength(20);
    const written = new Set<string | undefined>();
    while (written.size < 100) {
      const write = await next();
      written.add(write.namespace);
      write.release();
    }
  });

  it('is put back when it is edited while the answer to a write is on its way', async () => {
    const { next } = holdWrites();
    await makeNamespace('shop');
    start();
    const first = await next();
    await api.others.patch(resources.configMaps, nameIn('shop'), {
      type: 'merge',
      body: { data: { 'root-cert.pem': 'FALSE' } },
    });
    await settle();
    first.release();
    (await next()).release();
    await becomes('shop', holdsRoot);
  });

  it('is put into a namespace that is made again while its predecessor is being written into', async () => {
    const { next } = holdWrites();
    await makeNamespace('shop');
    start();
    const first = await next();
    await api.others.delete(resources.configMaps, nameIn('shop'));
    await api.others.delete(resources.namespaces, { name: 'shop' });
    await makeNamespace('shop');
    await settle();
    first.release(new KubeError('namespaces "shop" not found', { status: 404, reason: 'NotFound' }));
    await settle();
    clock.advance(200);
    (await next()).release();
    await becomes('shop', holdsRoot);
  });

  it('is not put into namespaces that have gone while the API server was away', async () => {
    await makeNamespace('shop');
    start();
    await becomes('shop', holdsRoot);
    api.cut();
    await api.others.delete(resources.configMaps, nameIn('shop'));
    await api.others.delete(resources.namespaces, { name: 'shop' });
    api.restore();
    await makeNamespace('bank');
    await becomes('bank', holdsRoot);
    expect(await api.others.get(resources.configMaps, nameIn('shop'))).toBeUndefined();
  });
});
