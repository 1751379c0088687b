import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { resources, type KubeObject, type NewObject } from '@flotilla/kube-port';
import { corpusPath, createTestCa } from '@flotilla/testing';
import { becomes, openApiServer, type TestApiServer } from './api-server.ts';
import {
  admit,
  grant,
  makeNamespace,
  makeServiceAccount,
  prepareCluster,
  revoke,
  startInjector,
  systemNamespace,
  webhookName,
  type TestInjector,
} from './injector.fixture.ts';

const deadlineMs = 120_000;
type Labels = Readonly<Record<string, string>>;
interface Spec {
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
}

describe('an injector that a real API server calls', () => {
  let server: TestApiServer;
  let injector: TestInjector | undefined;
  beforeAll(async () => {
    server = await openApiServer();
    await prepareCluster(server);
    await makeNamespace(server.admin, 'shop', { 'istio-injection': 'enabled' });
    await makeNamespace(server.admin, 'plain');
  }, 600_000);
  afterEach(async () => {
    await injector?.close();
    injector = undefined;
    await server.admin.delete(resources.configMaps, { namespace: systemNamespace, name: webhookName });
  });
  afterAll(() => server.close());

  const podIn = (namespace: string, labels: Labels = {}, more: object = {}): NewObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'web-', namespace, labels } as never,
    spec: { containers: [{ name: 'app', image: 'example/app' }], ...more },
  });
  /** The containers of what becomes of a pod, or why it is refused. */
  async function containersOf(pod: NewObject): Promise<string> {
    const admitted = await admit(server.admin, pod);
    if (typeof admitted === 'string') return admitted;
    return (admitted['spec'] as Spec).containers.map(({ name }) => name).join();
  }
  const injected = 'app,istio-proxy';
  const isInjected = async (): Promise<boolean> => (await containersOf(podIn('shop'))) === injected;
  const configure = async (values: object): Promise<void> => {
    const metadata = { namespace: systemNamespace, name: webhookName };
    const data = { config: 'policy: enabled', values: JSON.stringify(values) };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    await server.admin.patch(resources.configMaps, metadata, { type: 'apply', fieldManager: 'test', body });
  };
  const registration = () => server.admin.get(resources.mutatingWebhooks, { name: webhookName });
  const edit = async (caBundle: string): Promise<void> => {
    const found = await registration();
    const webhooks = (found?.['webhooks'] as readonly { clientConfig: object }[]).map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    }));
    await server.admin.patch(resources.mutatingWebhooks, { name: webhookName }, { type: 'merge', body: { webhooks } });
  };
  /** The root of somebody else, which the API server accepts as a caBundle. */
  const otherRoot = (): string => Buffer.from(createTestCa().roots).toString('base64');

  it(
    'has its caBundle written, restored when it is edited, and replaced with a new root',
    async () => {
      injector = await startInjector(server);
      await becomes(isInjected);
      await edit(otherRoot());
      await becomes(isInjected);
      injector.renew();
      await becomes(isInjected);
      expect(await registration()).toMatchObject({ metadata: { labels: { 'istio.io/rev': 'default' } } });
    },
    deadlineMs,
  );

  it(
    'says what it means that the API server does not trust it, and which permission keeps it from mending that',
    async () => {
      injector = await startInjector(server);
      await becomes(isInjected);
      const said = (text: string): number => injector?.log.filter((line) => line.includes(text)).length ?? 0;
      const isDistrusted = 'does not trust the certificate of the webhook';
      const before = said(isDistrusted);
      await revoke(server.admin);
      await edit(otherRoot());
      await becomes(async () =>
        (await containersOf(podIn('shop'))).includes('certificate signed by unknown authority'),
      );
      await becomes(() => Promise.resolve(said(isDistrusted) > before));
      expect(await containersOf(podIn('shop'))).toContain(
        'failed calling webhook "namespace.sidecar-injector.istio.io"',
      );
      expect(said(isDistrusted)).toBe(before + 1);
      await becomes(() => Promise.resolve(said('system:serviceaccount:istio-system:sidecar-injector') > 0));
      await grant(server.admin);
      await becomes(isInjected);
    },
    deadlineMs,
  );

  it(
    'is configured by its ConfigMap, which may change; one that is not valid has no effect',
    async () => {
      const imageOf = async (): Promise<string | undefined> => {
        const admitted = await admit(server.admin, podIn('shop'));
        if (typeof admitted === 'string') return admitted;
        return (admitted['spec'] as Spec).containers.find(({ name }) => name === 'istio-proxy')?.image;
      };
      const isImage = (image: string) => async () => (await imageOf()) === image;
      await configure({ global: { hub: 'example.com', tag: 'one' } });
      injector = await startInjector(server);
      await becomes(isImage('example.com/proxyv2:one'));
      await configure({ global: { hub: 'example.com', tag: 'two' } });
      await becomes(isImage('example.com/proxyv2:two'));
      await configure({ global: 'none' });
      await becomes(() => Promise.resolve(injector?.log.some((line) => line.includes('stays in force')) ?? false));
      expect(await imageOf()).toBe('example.com/proxyv2:two');
    },
    deadlineMs,
  );

  it(
    'is asked about the pods that namespaces and pods select by their labels',
    async () => {
      const inject = 'sidecar.istio.io/inject';
      const revision = 'istio.io/rev';
      await makeNamespace(server.admin, 'disabled', { 'istio-injection': 'disabled' });
      await makeNamespace(server.admin, 'by-revision', { [revision]: 'default' });
      await makeNamespace(server.admin, 'canary', { [revision]: 'canary' });
      injector = await startInjector(server);
      await becomes(isInjected);
      const cases: readonly (readonly [namespace: string, labels: Labels, expected: string])[] = [
        ['shop', { [inject]: 'false' }, 'app'],
        ['plain', {}, 'app'],
        ['plain', { [inject]: 'true' }, injected],
        ['plain', { [revision]: 'default' }, injected],
        ['disabled', { [inject]: 'true' }, 'app'],
        ['by-revision', {}, injected],
        ['canary', {}, 'app'],
        ['canary', { [inject]: 'true' }, 'app'],
      ];
      for (const [namespace, labels, expected] of cases)
        expect([namespace, labels, await containersOf(podIn(namespace, labels))]).toEqual([
          namespace,
          labels,
          expected,
        ]);
    },
    deadlineMs,
  );

  it(
    'keeps no pod of the control plane from starting while it is down, but those of the mesh, and is named then',
    async () => {
      await makeNamespace(server.admin, 'labelled-system', { 'istio-injection': 'enabled' });
      await makeServiceAccount(server.admin, { namespace: 'kube-system', name: 'default' });
      const control = { app: 'citadel', 'sidecar.istio.io/inject': 'false' };
      injector = await startInjector(server);
      await becomes(isInjected);
      // Only the process ends: the webhook stays registered, with a certificate that the API server trusts.
      await injector.stop();
      expect(await containersOf(podIn(systemNamespace, control))).toBe('app');
      expect(await containersOf(podIn(systemNamespace))).toBe('app');
      expect(await containersOf(podIn('labelled-system', control))).toBe('app');
      expect(await containersOf(podIn('kube-system'))).toBe('app');
      expect(await containersOf(podIn('shop'))).toMatch(
        /failed calling webhook "namespace\.sidecar-injector\.istio\.io".*connection refused/,
      );
    },
    deadlineMs,
  );

  it(
    'injects pods of a restricted namespace where the CNI plugin captures their traffic, and native sidecars',
    async () => {
      await makeNamespace(server.admin, 'restricted', {
        'istio-injection': 'enabled',
        'pod-security.kubernetes.io/enforce': 'restricted',
      });
      const security = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
      const container = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
      const restricted = podIn(
        'restricted',
        {},
        {
          securityContext: security,
          containers: [{ name: 'app', image: 'example/app', securityContext: container }],
        },
      );
      await configure({});
      injector = await startInjector(server, { enableNativeSidecars: true });
      await becomes(async () => (await containersOf(podIn('shop'))) === 'app');
      expect(await containersOf(restricted)).toMatch(/violates PodSecurity "restricted.*istio-init/);
      await configure({ istio_cni: { enabled: true } });
      await becomes(async () => (await containersOf(restricted)) === 'app');
      const admitted = await admit(server.admin, restricted);
      const { initContainers } = (admitted as KubeObject)['spec'] as Spec;
      expect(initContainers).toMatchObject([
        { name: 'istio-validation' },
        { name: 'istio-proxy', restartPolicy: 'Always' },
      ]);
    },
    deadlineMs,
  );

  const answers = corpusPath('injection', 'webhook', 'cases');
  it.runIf(existsSync(answers))(
    'makes of pods what Istio makes of them',
    async () => {
      const read = (...names: string[]): string => readFileSync(corpusPath('injection', ...names), 'utf8');
      const metadata = { namespace: systemNamespace, name: webhookName };
      const data = { config: read('injection-config.yaml'), values: read('values.json') };
      await server.admin.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      injector = await startInjector(server, { mesh: parse(read('mesh.yaml')) as object });
      await becomes(isInjected);
      let compared = 0;
      for (const name of readdirSync(answers)) {
        const json = (file: string) => JSON.parse(readFileSync(join(answers, name, file), 'utf8'));
        const { server: settings, path } = json('case.json') as { server: string; path: string };
        if (settings !== 'default' || path !== '/inject' || !existsSync(join(answers, name, 'patched.json'))) continue;
        const pod = json('request.json').request.object as NewObject;
        const { namespace } = json('request.json').request as { namespace: string };
        if (namespace !== 'shop') continue;
        const { serviceAccountName = 'default' } = pod['spec'] as { serviceAccountName?: string };
        await makeServiceAccount(server.admin, { namespace, name: serviceAccountName });
        const admitted = await admit(server.admin, { ...pod, metadata: { ...pod.metadata, namespace } });
        expect(typeof admitted === 'string' ? [name, admitted] : comparable(admitted), name).toMatchObject(
          comparable(json('patched.json')),
        );
        compared += 1;
      }
      expect(compared).toBeGreaterThan(5);
    },
    deadlineMs,
  );
});

/**
 * Labels, annotations and spec with quantities as the API server writes them, and without its defaults, which the pods
 * of Istio's answers lack: tolerations, the protocol of ports, and those of a proxy container that the user wrote.
 */
function comparable({ metadata, spec }: { readonly metadata: object; readonly spec?: unknown }): object {
  const { labels = {}, annotations = {} } = metadata as { labels?: Labels; annotations?: Labels };
  const { tolerations: _tolerations, ...rest } = spec as Readonly<Record<string, unknown>>;
  const { 'proxy.istio.io/overrides': _overrides, ...noted } = annotations;
  const text = JSON.stringify({ labels, annotations: noted, spec: rest })
    .replaceAll(String.raw`,\"protocol\":\"TCP\"`, '')
    .replace(/"(\d+)000m"/g, '"$1"')
    .replace('"1024Mi"', '"1Gi"');
  return JSON.parse(text) as object;
}
