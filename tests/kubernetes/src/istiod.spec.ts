import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resources, type KubeObject, type KubeResource } from '@flotilla/kube-port';
import { buildCustomResourceDefinition, customKinds, kinds } from '@flotilla/model';
import { startControlPlane, type ControlPlane, type Mode } from '@flotilla/tool-control-plane';
import { becomes, openApiServer, type TestApiServer } from './api-server.ts';

const deadlineMs = 300_000;
const systemNamespace = 'istio-system';
const kindOf = (name: string): KubeResource & { readonly kind: string } => {
  const kind = kinds.find((one) => one.kind === name);
  if (!kind) throw new Error(`no kind ${name}`);
  return kind;
};

describe('a control plane and a real API server', () => {
  let server: TestApiServer;
  let folder: string;
  const running: ControlPlane[] = [];
  beforeAll(async () => {
    server = await openApiServer();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-kubernetes-'));
    const metadata = { name: systemNamespace };
    await server.admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata });
  }, 600_000);
  afterEach(async () => {
    for (const controlPlane of running.splice(0)) await controlPlane.stop();
  });
  afterAll(() => server.close());

  async function start(mode: Mode, state: string): Promise<ControlPlane> {
    const cluster = { kubeconfig: server.running.kubeconfig };
    const platform = { ...cluster, platform: 'kubernetes' };
    const source = { ...cluster, source: 'kubernetes' };
    const controlPlane = await startControlPlane({
      mode,
      config: folder,
      state: join(folder, state),
      flags: { istiod: { ...platform, ...source }, citadel: platform, galley: source },
    });
    running.push(controlPlane);
    return controlPlane;
  }
  const page = async ({ programs }: ControlPlane, path: string): Promise<string> => {
    const galley = programs.find(({ name }) => name === 'galley' || name === 'istiod');
    const answer = await fetch(`http://${galley?.address}:15014${path}`);
    return answer.text();
  };
  const makeNamespace = (name: string): Promise<KubeObject> =>
    server.admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

  it(
    'is ready without CRDs, and reads kinds as soon as they are there',
    async () => {
      const controlPlane = await start('monolith', 'first');
      expect(await page(controlPlane, '/debug/sources')).toContain('cluster Kubernetes');
      for (const kind of customKinds)
        await server.admin.create(
          resources.customResourceDefinitions,
          buildCustomResourceDefinition(kind) as KubeObject,
        );
      const virtualService = kindOf('VirtualService');
      const create = (): Promise<unknown> =>
        server.admin.create(virtualService, {
          apiVersion: 'networking.istio.io/v1beta1',
          kind: 'VirtualService',
          metadata: { name: 'web', namespace: 'default' },
          spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' }, weight: -1 }] }] },
        });
      await becomes(() =>
        create().then(
          () => true,
          () => false,
        ),
      );
      await becomes(async () => (await page(controlPlane, '/debug/problems')).includes('default/web'));
      const problems = await page(controlPlane, '/debug/problems');
      expect(problems).toContain('cluster Kubernetes, resourceVersion');
    },
    deadlineMs,
  );

  it(
    "warns of objects that have no effect, and of kinds in Istio's groups that are not Istio's",
    async () => {
      const ingresses = { group: 'networking.k8s.io', versions: ['v1'], plural: 'ingresses' };
      await server.admin.create(ingresses, {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'web', namespace: 'default', annotations: { 'kubernetes.io/ingress.class': 'istio' } },
        spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
      });
      const group = 'netwrking.istio.io';
      await server.admin.create(resources.customResourceDefinitions, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `gateways.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'gateways', singular: 'gateway', kind: 'Gateway', listKind: 'GatewayList' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      });
      const never = new AbortController().signal;
      await becomes(async () => (await server.admin.discover((name) => name === group, never)).length === 1);
      const controlPlane = await start('monolith', 'other-kinds');
      await becomes(async () => {
        const problems = await page(controlPlane, '/debug/problems');
        return problems.includes('Ingress default/web') && problems.includes('gateways.netwrking.istio.io');
      });
      const problems = await page(controlPlane, '/debug/problems');
      expect(problems).toContain('Ingress is not supported yet and has no effect');
      expect(problems).toContain('unknown group netwrking.istio.io; did you mean networking.istio.io?');
    },
    deadlineMs,
  );

  it.each(['monolith', 'fleet'] as const)(
    'as a %s keeps one root in a Secret and its certificate in every namespace',
    async (mode) => {
      const first = await start(mode, `${mode}-1`);
      const root = readFileSync(join(folder, `${mode}-1`, 'root-cert.pem'), 'utf8');
      const name = `shop-${mode}`;
      await makeNamespace(name);
      const holdsRoot = async (): Promise<boolean> => {
        const found = await server.admin.get(resources.configMaps, { namespace: name, name: 'istio-ca-root-cert' });
        return (found?.['data'] as Record<string, string> | undefined)?.['root-cert.pem'] === root;
      };
      await becomes(holdsRoot);
      await server.admin.delete(resources.configMaps, { namespace: name, name: 'istio-ca-root-cert' });
      await becomes(holdsRoot);
      await first.stop();
      running.splice(0);
      await start(mode, `${mode}-2`);
      expect(readFileSync(join(folder, `${mode}-2`, 'root-cert.pem'), 'utf8')).toBe(root);
    },
    deadlineMs,
  );
});
