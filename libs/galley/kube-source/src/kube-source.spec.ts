import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources } from '@flotilla/kube-port';
import { defaultInstallation, kinds, type SourceEvent } from '@flotilla/model';
import { createKubeSource } from './kube-source.ts';

const metadata = { name: 'istio', namespace: 'istio-system' };
const configMap = (data: Readonly<Record<string, string>>, name = 'istio') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { ...metadata, name },
  data,
});

describe('the source of a cluster', () => {
  let api: FakeKube;
  const stop: (() => void)[] = [];
  beforeEach(() => void (api = new FakeKube()));
  afterEach(() => stop.splice(0).forEach((end) => end()));

  /** Reads on, event by event, until one is as wanted; gives all that have been read. */
  function read(revision?: string) {
    const ended = new AbortController();
    stop.push(() => ended.abort());
    const source = createKubeSource({ api, installation: defaultInstallation, revision });
    const changes = source.run(ended.signal)[Symbol.asyncIterator]();
    return async (isWanted: (event: SourceEvent) => boolean): Promise<readonly SourceEvent[]> => {
      const events: SourceEvent[] = [];
      while (!events.some(isWanted)) {
        const { value } = await changes.next();
        for (const change of value) events.push(...change.events);
      }
      return events;
    };
  }
  const isMesh = (event: SourceEvent): boolean => event.type === 'object' && event.collection === 'mesh-config';
  const isMeshSynced = (event: SourceEvent): boolean => event.type === 'synced' && event.collection === 'mesh-networks';

  it('reads the YAML of the ConfigMap, and what changes in it', async () => {
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: a' }));
    const until = read();
    expect((await until(isMeshSynced)).find(isMesh)).toMatchObject({
      object: { rootNamespace: 'a' },
      origin: { type: 'cluster', cluster: 'Kubernetes' },
    });
    await api.replace(resources.configMaps, configMap({ mesh: 'rootNamespace: b', meshNetworks: 'networks: {}' }));
    expect((await until(isMesh)).filter(({ type }) => type === 'object')).toMatchObject([
      { collection: 'mesh-config', object: { rootNamespace: 'b' } },
      { collection: 'mesh-networks', object: { networks: {} } },
    ]);
    await api.replace(resources.configMaps, configMap({ mesh: 'rootNamespace: b' }));
    expect(await until(({ type }) => type === 'gone')).toContainEqual(
      expect.objectContaining({ type: 'gone', collection: 'mesh-networks' }),
    );
  });

  it('keeps what was good when the YAML is broken, and says what is wrong where', async () => {
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: a' }));
    const until = read();
    await until(isMeshSynced);
    await api.replace(resources.configMaps, configMap({ mesh: 'rootNamespace: [' }));
    const events = await until((event) => event.type === 'problems' && event.problems.length > 0);
    expect(events.map(({ type }) => type)).toEqual(['kept', 'kept', 'problems']);
    expect(events.at(-1)).toMatchObject({
      place: 'ConfigMap istio-system/istio',
      problems: [{ problem: { level: 'error', message: expect.stringContaining('data.mesh') } }],
    });
    await api.replace(resources.configMaps, configMap({ mesh: 'rootNamespace: c' }));
    expect((await until(isMesh)).at(-1)).toMatchObject({ type: 'problems', problems: [] });
  });

  it('knows what a list has kept: that goes when the ConfigMap does', async () => {
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: a' }));
    const until = read();
    await until(isMeshSynced);
    api.cut();
    await api.others.replace(resources.configMaps, configMap({ mesh: 'rootNamespace: [' }));
    api.restore();
    await until(isMeshSynced);
    await api.delete(resources.configMaps, { namespace: metadata.namespace, name: metadata.name });
    const events = await until(({ type }) => type === 'problems');
    expect(events).toContainEqual(expect.objectContaining({ type: 'gone', collection: 'mesh-config' }));
  });

  it('takes back what was wrong with a ConfigMap that a list does not have any more', async () => {
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: [' }));
    const until = read();
    await until(isMeshSynced);
    api.cut();
    await api.others.delete(resources.configMaps, { namespace: metadata.namespace, name: metadata.name });
    api.restore();
    expect(await until(isMeshSynced)).toContainEqual({
      type: 'problems',
      place: 'ConfigMap istio-system/istio',
      problems: [],
    });
  });

  it('reads the ConfigMap of its revision', async () => {
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: old' }));
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: new' }, 'istio-canary'));
    const events = await read('canary')(isMeshSynced);
    expect(events.filter(isMesh)).toMatchObject([{ object: { rootNamespace: 'new' } }]);
  });

  it('is synced without a CRD, and reads objects when it comes', async () => {
    const kind = kinds.find(({ collection }) => collection === 'sidecars');
    if (!kind) throw new Error('no kind');
    api.withdraw(kind);
    const until = read();
    await until((event) => event.type === 'synced' && event.collection === 'sidecars');
    api.serve(kind);
    await api.create(kind, {
      apiVersion: 'networking.istio.io/v1beta1',
      kind: 'Sidecar',
      metadata: { name: 'a', namespace: 'shop' },
    });
    const isSidecar = (event: SourceEvent): boolean => event.type === 'object' && event.collection === 'sidecars';
    expect((await until(isSidecar)).find(isSidecar)).toMatchObject({ key: { namespace: 'shop', name: 'a' } });
  });

  it('leaves nothing behind of changes that have been taken', async () => {
    const signals: AbortSignal[] = [];
    const { watch } = api;
    api.watch = (resource, selection, signal) => {
      signals.push(signal);
      return watch.call(api, resource, selection, signal);
    };
    await api.create(resources.configMaps, configMap({ mesh: 'rootNamespace: a' }));
    const until = read();
    await until(isMeshSynced);
    const listeners = (): number => signals.slice(0, 1).flatMap((signal) => getEventListeners(signal, 'abort')).length;
    const before = listeners();
    for (const name of ['b', 'c', 'd', 'e']) {
      await api.replace(resources.configMaps, configMap({ mesh: `rootNamespace: ${name}` }));
      await until(isMesh);
    }
    expect(listeners()).toBeLessThanOrEqual(before);
  });

  it('says once that the cluster is away, and once that it is back', async () => {
    const until = read();
    await until(isMeshSynced);
    api.cut();
    await until(({ type }) => type === 'away');
    api.restore();
    const events = await until(({ type }) => type === 'back');
    expect(events.filter(({ type }) => type === 'away' || type === 'back')).toHaveLength(1);
  });
});
