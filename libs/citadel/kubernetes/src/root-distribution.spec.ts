import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources, type KubeObject } from '@flotilla/kube-port';
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
});
