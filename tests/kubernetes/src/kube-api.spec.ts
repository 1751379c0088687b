import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  resources,
  reviewAccess,
  reviewToken,
  type KubeApi,
  type KubeResource,
  type WatchEvent,
} from '@flotilla/kube-port';
import { describeKubeApi } from '@flotilla/testing';
import { becomes, openApi, openApiServer, type TestApiServer } from './api-server.ts';
import { openProxy, type CuttableProxy } from './kube-proxy.ts';

const boats = { group: 'test.flotilla.dev', versions: ['v1'], plural: 'boats', kind: 'Boat' };
const roles: KubeResource = {
  group: 'rbac.authorization.k8s.io',
  versions: ['v1'],
  plural: 'clusterroles',
  clusterScoped: true,
};
const bindings: KubeResource = { ...roles, plural: 'clusterrolebindings' };
const rbac = 'rbac.authorization.k8s.io/v1';
const tester = 'tester';

let server: TestApiServer;
let admin: KubeApi;
let nextNamespace = 0;

async function serveBoats(): Promise<void> {
  const name = `${boats.plural}.${boats.group}`;
  await becomes(async () => (await admin.get(resources.customResourceDefinitions, { name })) === undefined);
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await admin.create(resources.customResourceDefinitions, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group: boats.group,
      scope: 'Namespaced',
      names: { plural: boats.plural, singular: 'boat', kind: boats.kind, listKind: 'BoatList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
}
const withdrawBoats = async (): Promise<void> =>
  void (await admin.delete(resources.customResourceDefinitions, { name: `${boats.plural}.${boats.group}` }));

const grantConfigMaps = (): Promise<unknown> =>
  admin.create(bindings, {
    apiVersion: rbac,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'tester-config-maps' },
    roleRef: { apiGroup: roles.group, kind: 'ClusterRole', name: 'tester-config-maps' },
    subjects: [{ apiGroup: roles.group, kind: 'User', name: tester }],
  });

async function makeNamespace(): Promise<string> {
  const name = `test-${(nextNamespace += 1)}`;
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

beforeAll(async () => {
  server = await openApiServer();
  admin = server.admin;
  const verbs = ['*'];
  const rules = {
    'tester-config-maps': [{ apiGroups: [''], resources: ['configmaps'], verbs }],
    'tester-boats': [
      { apiGroups: [boats.group], resources: ['*'], verbs },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs },
    ],
  };
  for (const [name, given] of Object.entries(rules))
    await admin.create(roles, { apiVersion: rbac, kind: 'ClusterRole', metadata: { name }, rules: given });
  await admin.create(bindings, {
    apiVersion: rbac,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'tester-boats' },
    roleRef: { apiGroup: roles.group, kind: 'ClusterRole', name: 'tester-boats' },
    subjects: [{ apiGroup: roles.group, kind: 'User', name: tester }],
  });
  await grantConfigMaps();
  await serveBoats();
}, 600_000);
afterAll(() => server.close());

describeKubeApi('a real API server', async () => {
  const api = await openApi(server.kubeconfig({ user: tester }));
  const namespace = await makeNamespace();
  const mayList = (): Promise<boolean> =>
    reviewAccess(admin, { user: tester, verb: 'list', resource: 'configmaps', namespace });
  return {
    api,
    namespace,
    custom: boats,
    withdraw: withdrawBoats,
    serve: serveBoats,
    cut: () => server.running.stopApi(),
    restore: () => server.running.startApi(),
    async revoke() {
      await admin.delete(bindings, { name: 'tester-config-maps' });
      await becomes(async () => !(await mayList()));
    },
    async grant() {
      await grantConfigMaps();
      await becomes(mayList);
    },
    close() {},
  };
});

describe('a real API server, over a connection that fails', () => {
  let proxy: CuttableProxy;
  let namespace: string;
  let file: string;
  const stop = new AbortController();
  beforeEach(async () => {
    const [{ cluster }] = JSON.parse(readFileSync(server.running.kubeconfig, 'utf8')).clusters;
    proxy = await openProxy(cluster.server);
    namespace = await makeNamespace();
    file = server.kubeconfig({ server: proxy.url });
  });
  afterEach(() => proxy.close());
  afterAll(() => stop.abort());

  const labels = { flotilla: 'test' };
  const put = (name: string, value = ''): Promise<unknown> =>
    admin.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
      data: { value },
    });
  const many = async (count: number, value: () => string = () => ''): Promise<void> => {
    for (let from = 0; from < count; from += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, count - from) }, (_, index) => put(`m${from + index}`, value())),
      );
  };
  const watch = (api: KubeApi): AsyncIterator<readonly WatchEvent[]> =>
    api.watch(resources.configMaps, { namespace, labelSelector: 'flotilla=test' }, stop.signal)[Symbol.asyncIterator]();

  /** Reads on until an event of a type comes, and gives how often each type has come. */
  async function until(events: AsyncIterator<readonly WatchEvent[]>, wanted: WatchEvent['type']) {
    const counts: Partial<Record<WatchEvent['type'], number>> = {};
    for (;;) {
      const { value } = await events.next();
      for (const { type } of value as readonly WatchEvent[]) counts[type] = (counts[type] ?? 0) + 1;
      if (counts[wanted] !== undefined) return counts;
    }
  }

  it('lists again when the connection is cut in the middle of a list', async () => {
    // Random, so that it can't be compressed to nothing.
    await many(60, () => randomBytes(10_000).toString('hex'));
    proxy.cutAfter(300_000);
    const events = watch(await openApi(file, { pageSize: 20 }));
    expect(await until(events, 'away')).toMatchObject({ listing: 1, away: 1 });
    proxy.cutAfter(Infinity);
    expect(await until(events, 'synced')).toEqual({ back: 1, listing: 1, found: 60, synced: 1 });
  });

  it('halves its pages while they are too long', async () => {
    await many(40, () => 'x'.repeat(500_000));
    const events = watch(await openApi(file, { pageSize: 100 }));
    expect(await until(events, 'synced')).toEqual({ listing: 1, found: 40, synced: 1 });
  });

  it('continues from where it was when a watch falls silent', async () => {
    await put('a');
    const events = watch(await openApi(file, { silenceMs: 200 }));
    await until(events, 'synced');
    await Promise.all([put('b'), until(events, 'found')]);
    const before = proxy.accepted;
    proxy.stall();
    await put('c');
    expect(await until(events, 'found')).toEqual({ found: 1 });
    expect(proxy.accepted).toBeGreaterThan(before);
  });

  it('lists again without an absence when its version has been compacted away', async () => {
    await put('a');
    const events = watch(await openApi(file));
    await until(events, 'synced');
    await server.running.stopApi();
    await until(events, 'away');
    await server.running.startApi();
    for (const name of ['b', 'c']) await put(name);
    const last = await admin.get(resources.configMaps, { namespace, name: 'c' });
    const body = JSON.stringify({ revision: last?.metadata.resourceVersion, physical: true });
    await fetch(`${server.running.etcdUrl}/v3/kv/compaction`, { method: 'POST', body });
    expect(await until(events, 'back')).toMatchObject({ back: 1 });
  });

  it('lists 10,000 objects', async () => {
    await many(10_000);
    const events = watch(await openApi(file));
    expect(await until(events, 'synced')).toEqual({ listing: 1, found: 10_000, synced: 1 });
  }, 300_000);
});

describe('reviews by a real API server', () => {
  it('says whether somebody may do something', async () => {
    const access = { user: tester, group: boats.group, resource: 'boats', verb: 'list' };
    expect(await reviewAccess(admin, access)).toBe(true);
    expect(await reviewAccess(admin, { ...access, group: '', resource: 'secrets' })).toBe(false);
  });

  it('says whose a token is, for its audience alone', async () => {
    const namespace = await makeNamespace();
    const serviceAccounts: KubeResource = { group: '', versions: ['v1'], plural: 'serviceaccounts' };
    const metadata = { name: 'cart', namespace };
    await admin.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const { status } = await admin.create(
      { ...serviceAccounts, plural: 'serviceaccounts/cart/token' },
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { namespace },
        spec: { audiences: ['istio-ca'] },
      },
    );
    const { token } = status as { readonly token: string };
    expect(await reviewToken(admin, token, ['istio-ca'])).toMatchObject({
      authenticated: true,
      identity: { username: `system:serviceaccount:${namespace}:cart` },
    });
    expect(await reviewToken(admin, token, ['another'])).toMatchObject({ authenticated: false });
    expect(await reviewToken(admin, `${token.slice(0, -8)}AAAAAAAA`, ['istio-ca'])).toMatchObject({
      authenticated: false,
    });
  });

  it('does not accept a text that is not a token', async () => {
    expect(await reviewToken(admin, 'not a token', ['istio-ca'])).toMatchObject({ authenticated: false });
  });
});
