import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createLease,
  getLease,
  isConflict,
  isNotFound,
  KubeError,
  replaceLease,
  resources,
  type KubeApi,
  type KubeObject,
  type KubeResource,
  type NewObject,
  type Selection,
} from '@flotilla/kube-port';

/** A cluster under test whose failures the test controls. Each method resolves when its effect is visible. */
export interface TestCluster {
  readonly api: KubeApi;
  /** An empty namespace that only this test uses. */
  readonly namespace: string;
  /** A kind that `withdraw` removes, and `serve` adds again. */
  readonly custom: KubeResource & { readonly kind: string };
  withdraw(): void | Promise<void>;
  serve(): void | Promise<void>;
  /** Makes the API server unreachable; `restore` brings it back with the same objects. */
  cut(): void | Promise<void>;
  restore(): void | Promise<void>;
  /** Takes the permission to read ConfigMaps from `api`; `grant` gives it back. */
  revoke(): void | Promise<void>;
  grant(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** A watch as its one reader sees it: what exists, by name, and what has been reported. */
class Watched {
  readonly objects = new Map<string, KubeObject>();
  readonly reported: string[] = [];
  served: boolean | undefined;
  reason: string | undefined;
  #listed: Set<string> | undefined;
  readonly #stop = new AbortController();
  readonly #steps;

  constructor(api: KubeApi, resource: KubeResource, selection: Selection) {
    this.#steps = api.watch(resource, selection, this.#stop.signal)[Symbol.asyncIterator]();
  }

  /** Reads until the condition holds for what has been read. */
  async until(reached: (watched: Watched) => boolean): Promise<this> {
    while (!reached(this)) {
      const { done, value } = await this.#steps.next();
      if (done) throw new Error('the watch ended');
      for (const event of value) {
        this.reported.push(event.type);
        if (event.type === 'listing') {
          this.#listed = new Set();
          this.served = undefined;
        } else if (event.type === 'found') {
          this.objects.set(event.object.metadata.name, event.object);
          this.#listed?.add(event.object.metadata.name);
        } else if (event.type === 'gone') this.objects.delete(event.object.metadata.name);
        else if (event.type === 'away') this.reason = event.reason;
        else if (event.type === 'back') this.reason = undefined;
        else {
          for (const name of this.objects.keys()) if (!this.#listed?.has(name)) this.objects.delete(name);
          this.#listed = undefined;
          this.served = event.served;
        }
      }
    }
    return this;
  }

  get names(): string {
    return [...this.objects.keys()].sort().join();
  }

  untilSynced(): Promise<this> {
    return this.until(({ served }) => served !== undefined);
  }

  /** Ends the watch; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    while (!(await this.#steps.next()).done);
  }
}

/** The contract of KubeApi. `open` gives a cluster, or a namespace of a cluster that is shared with other tests. */
export function describeKubeApi(name: string, open: () => Promise<TestCluster>): void {
  describe(`Kubernetes API: ${name}`, () => {
    let cluster: TestCluster;
    const watches: Watched[] = [];
    beforeEach(async () => void (cluster = await open()));
    afterEach(async () => {
      for (const watched of watches.splice(0)) await watched.stop();
      await cluster.close();
    });

    const watch = (resource: KubeResource, selection: Selection = {}): Watched => {
      const watched = new Watched(cluster.api, resource, { namespace: cluster.namespace, ...selection });
      watches.push(watched);
      return watched;
    };
    const configMap = (mapName: string, value = '1', labels: Readonly<Record<string, string>> = {}): NewObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: mapName, namespace: cluster.namespace, labels },
      data: { value },
    });
    const put = (mapName: string, value?: string, labels?: Readonly<Record<string, string>>): Promise<KubeObject> =>
      cluster.api.create(resources.configMaps, configMap(mapName, value, labels));
    const nameOf = (mapName: string) => ({ namespace: cluster.namespace, name: mapName });
    const change = (mapName: string, value: string): Promise<KubeObject> =>
      cluster.api.patch(resources.configMaps, nameOf(mapName), { type: 'merge', body: { data: { value } } });
    // Kubernetes puts one into every namespace.
    const ours = { labelSelector: 'flotilla=test' };
    const labels = { flotilla: 'test' };

    it('gives the objects that exist, with kind and version, then those that change, come and go', async () => {
      await put('a', '1', labels);
      await put('b', '1', labels);
      const watched = await watch(resources.configMaps, ours).untilSynced();
      expect(watched.names).toBe('a,b');
      expect(watched.objects.get('a')).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { value: '1' } });
      expect(watched.objects.get('a')?.metadata).not.toHaveProperty('managedFields');
      await change('a', '2');
      await put('c', '1', labels);
      await cluster.api.delete(resources.configMaps, nameOf('b'));
      await watched.until(({ names }) => names === 'a,c');
      expect(watched.objects.get('a')).toMatchObject({ data: { value: '2' } });
      expect(watched.reported.filter((type) => type === 'listing')).toEqual(['listing']);
    });

    it('gives only selected objects; one that is no longer selected is gone', async () => {
      await put('a', '1', labels);
      await put('b');
      const watched = await watch(resources.configMaps, ours).untilSynced();
      expect(watched.names).toBe('a');
      await cluster.api.patch(resources.configMaps, nameOf('a'), {
        type: 'merge',
        body: { metadata: { labels: { flotilla: null } } },
      });
      await watched.until(({ names }) => names === '');
    });

    it('selects one object by its name', async () => {
      await put('a');
      await put('b');
      const watched = await watch(resources.configMaps, { fieldSelector: 'metadata.name=b' }).untilSynced();
      expect(watched.names).toBe('b');
    });

    it('is synced and empty for a kind that is not served, and lists again once it is', async () => {
      await cluster.withdraw();
      const watched = await watch(cluster.custom).until(({ served }) => served === false);
      expect(watched.names).toBe('');
      await cluster.serve();
      await watched.until(({ served }) => served === true);
      const { kind, group, versions } = cluster.custom;
      await cluster.api.create(cluster.custom, {
        apiVersion: `${group}/${versions[0]}`,
        kind,
        metadata: nameOf('x'),
      });
      await watched.until(({ names }) => names === 'x');
      await cluster.withdraw();
      await watched.until(({ served }) => served === false);
      expect(watched.names).toBe('');
      await cluster.serve();
      await watched.until(({ served }) => served === true);
    });

    it('gives metadata alone when no more is selected', async () => {
      await put('a', '1', labels);
      const watched = await watch(resources.configMaps, { ...ours, metadataOnly: true }).untilSynced();
      await put('b', '1', labels);
      await watched.until(({ names }) => names === 'a,b');
      for (const object of watched.objects.values()) {
        expect(Object.keys(object).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
        expect(object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { labels } });
        expect(object.metadata.resourceVersion).toMatch(/^\d+$/);
      }
    });

    it('discovers the kinds of a group that are served', async () => {
      const { group, versions, plural, kind } = cluster.custom;
      const discover = () => cluster.api.discover((name) => name === group, new AbortController().signal);
      await cluster.withdraw();
      // An API server announces CRDs in its own time.
      await vi.waitFor(async () => expect(await discover()).toEqual([]), { timeout: 30_000 });
      await cluster.serve();
      const boat = { group, versions, plural, kind, clusterScoped: false };
      await vi.waitFor(async () => expect(await discover()).toEqual([boat]), { timeout: 30_000 });
    }, 60_000);

    it('keeps what it knows while the API server is away, says why, and catches up', async () => {
      await put('a', '1', labels);
      const watched = await watch(resources.configMaps, ours).untilSynced();
      await cluster.cut();
      await watched.until(({ reason }) => reason !== undefined);
      expect(watched.names).toBe('a');
      await expect(cluster.api.get(resources.configMaps, nameOf('a'))).rejects.toThrow(KubeError);
      await cluster.restore();
      await put('b', '1', labels);
      await watched.until(({ reason, names }) => reason === undefined && names === 'a,b');
    });

    it('names a missing permission, keeps what it knows, and continues once the permission is granted', async () => {
      await put('a', '1', labels);
      await cluster.revoke();
      const watched = watch(resources.configMaps, ours);
      await watched.until(({ reason }) => reason !== undefined);
      expect(watched.reason).toContain('forbidden');
      expect(watched.reason).toContain('cannot list resource "configmaps"');
      await cluster.grant();
      await watched.until(({ names }) => names === 'a');
    });

    it('gets an object, and undefined where there is none', async () => {
      await put('a');
      expect(await cluster.api.get(resources.configMaps, nameOf('a'))).toMatchObject({ data: { value: '1' } });
      expect(await cluster.api.get(resources.configMaps, nameOf('b'))).toBeUndefined();
    });

    it('creates once: a second one is a conflict', async () => {
      await put('a');
      expect(await put('a').catch(isConflict)).toBe(true);
    });

    it('replaces only what is still as it was read', async () => {
      const first = await put('a');
      const second = await cluster.api.replace(resources.configMaps, { ...first, data: { value: '2' } });
      expect(second.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion);
      const late = cluster.api.replace(resources.configMaps, { ...first, data: { value: '3' } });
      expect(await late.catch(isConflict)).toBe(true);
      expect(await cluster.api.get(resources.configMaps, nameOf('a'))).toMatchObject({ data: { value: '2' } });
    });

    it('patches an object that exists, and fails for one that does not', async () => {
      await put('a');
      const body = { data: { more: 'x' } };
      const patched = await cluster.api.patch(resources.configMaps, nameOf('a'), { type: 'merge', body });
      expect(patched).toMatchObject({ data: { value: '1', more: 'x' } });
      const nothing = cluster.api.patch(resources.configMaps, nameOf('b'), { type: 'merge', body });
      expect(await nothing.catch(isNotFound)).toBe(true);
    });

    it('patches only the version that a patch names', async () => {
      const { metadata } = await put('a');
      const body = { metadata: { resourceVersion: metadata.resourceVersion }, data: { value: '2' } };
      const patched = await cluster.api.patch(resources.configMaps, nameOf('a'), { type: 'merge', body });
      expect(patched).toMatchObject({ data: { value: '2' } });
      const late = cluster.api.patch(resources.configMaps, nameOf('a'), { type: 'merge', body });
      expect(await late.catch(isConflict)).toBe(true);
    });

    it('applies for a manager: creates, removes fields no longer applied, does not take fields of others', async () => {
      const apply = (fieldManager: string, data: object, force = false): Promise<KubeObject> =>
        cluster.api.patch(resources.configMaps, nameOf('a'), {
          type: 'apply',
          fieldManager,
          force,
          body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: nameOf('a'), data },
        });
      await apply('one', { x: '1', y: '1' });
      expect(await apply('two', { z: '1' })).toMatchObject({ data: { x: '1', y: '1', z: '1' } });
      expect((await apply('one', { x: '2' }))['data']).toEqual({ x: '2', z: '1' });
      expect(await apply('two', { x: '3' }).catch(isConflict)).toBe(true);
      expect((await apply('two', { x: '3' }, true))['data']).toEqual({ x: '3' });
    });

    it('deletes once, and only what the precondition holds for', async () => {
      const { metadata } = await put('a');
      const other = cluster.api.delete(resources.configMaps, nameOf('a'), { uid: 'another' });
      expect(await other.catch(isConflict)).toBe(true);
      const { resourceVersion, uid } = metadata;
      expect(await cluster.api.delete(resources.configMaps, nameOf('a'), { resourceVersion, uid })).toBe(true);
      expect(await cluster.api.delete(resources.configMaps, nameOf('a'))).toBe(false);
    });

    it('creates a Lease once, and replaces it only as it was read; what else is in it stays', async () => {
      const [lease, start] = [nameOf('leader'), Date.UTC(2023, 0, 31, 12)];
      const record = { holder: 'one', durationSeconds: 15, acquireTime: start, renewTime: start, transitions: 0 };
      expect(await getLease(cluster.api, lease)).toBeUndefined();
      const created = await createLease(cluster.api, lease, record);
      expect(created).toMatchObject(record);
      expect(await createLease(cluster.api, lease, record).catch(isConflict)).toBe(true);
      const body = { metadata: { labels } };
      await cluster.api.patch(resources.leases, lease, { type: 'merge', body });
      expect(await replaceLease(cluster.api, created, { ...record, holder: 'late' }).catch(isConflict)).toBe(true);
      const current = await getLease(cluster.api, lease);
      expect(current).toMatchObject(record);
      const released = { ...record, holder: '', durationSeconds: 1, renewTime: start + 1234, transitions: 1 };
      if (current) expect(await replaceLease(cluster.api, current, released)).toMatchObject(released);
      const last = await getLease(cluster.api, lease);
      expect(last).toMatchObject({ ...released, object: { metadata: { labels } } });
    });

    it('ends its watch when the signal aborts', async () => {
      const watched = await watch(resources.configMaps, ours).untilSynced();
      await watched.stop();
      await expect(watched.until(() => false)).rejects.toThrow('the watch ended');
    });
  });
}
