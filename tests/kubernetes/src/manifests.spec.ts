import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { openApiServer, type TestApiServer } from './api-server.ts';
import { createKubectl, root, type Kubectl } from './kubectl.ts';

describe.each(['fleet', 'monolith'])('deploy/%s, on a real API server', (shape) => {
  const apply = ['apply', '--server-side', '-k', `deploy/${shape}`];
  const webhook = ['mutatingwebhookconfiguration', 'istio-sidecar-injector'];
  let server: TestApiServer;
  let kubectl: Kubectl;
  beforeAll(async () => {
    server = await openApiServer();
    kubectl = createKubectl(server.running.kubeconfig);
  }, 600_000);
  afterAll(() => server.close());

  /** Everything that was applied, by kind and name, with its version. */
  async function versions(): Promise<Readonly<Record<string, string>>> {
    const { items } = JSON.parse(await kubectl(['get', '-k', `deploy/${shape}`, '-o', 'json'])) as {
      items: readonly { kind: string; metadata: { name: string; resourceVersion: string } }[];
    };
    return Object.fromEntries(
      items
        // Custom resource definitions get a status of their own.
        .filter(({ kind }) => kind !== 'CustomResourceDefinition')
        .map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
    );
  }

  it('is accepted in one go, without a warning, and applied again it changes nothing', async () => {
    await kubectl([...apply, '--warnings-as-errors']);
    const before = await versions();
    expect(Object.keys(before).length).toBeGreaterThan(20);
    await kubectl([...apply, '--warnings-as-errors']);
    expect(await versions()).toEqual(before);
  });

  it.each([
    ['server-side', ['--server-side']],
    ["kubectl's own way", []],
  ])('keeps the caBundle that the injector wrote when it is applied again, %s', async (_name, flags) => {
    const { webhooks } = JSON.parse(await kubectl(['get', ...webhook, '-o', 'json'])) as {
      webhooks: readonly { clientConfig: object }[];
    };
    const caBundle = readFileSync(join(server.running.machine.folder, 'ca.crt')).toString('base64');
    const body = { webhooks: webhooks.map((one) => ({ ...one, clientConfig: { ...one.clientConfig, caBundle } })) };
    await kubectl(['patch', ...webhook, '--type=merge', `--patch=${JSON.stringify(body)}`]);
    await kubectl(['apply', ...flags, '-k', `deploy/${shape}`]);
    expect(await kubectl(['get', ...webhook, '-o', 'jsonpath={.webhooks[*].clientConfig.caBundle}'])).toBe(
      webhooks.map(() => caBundle).join(' '),
    );
  });

  it('has pods that the security level "restricted" of its namespace admits', async () => {
    const { items } = JSON.parse(
      await kubectl(['get', 'deployments,statefulsets', '-n', 'istio-system', '-o', 'json']),
    );
    for (const { metadata, spec } of items as readonly Workload[]) {
      const { template, volumeClaimTemplates: claims = [] } = spec;
      const volumes = claims.map(({ metadata: { name } }) => ({ name, emptyDir: {} }));
      const containers = template.spec.containers.map((container) => ({
        ...container,
        image: container.image === 'auto' ? 'proxy' : container.image,
      }));
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: metadata.name, namespace: 'istio-system' },
        spec: { ...template.spec, containers, volumes: [...(template.spec.volumes ?? []), ...volumes] },
      };
      expect(await kubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(pod) })).toContain(
        'created',
      );
      const privileged = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
      await expect(
        kubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(privileged) }),
      ).rejects.toThrow('violates PodSecurity "restricted');
    }
  });
});

it('deploy/components/external-nats takes nats-server out of the fleet, and nothing else', async () => {
  const folder = mkdtempSync(join(root, 'deploy/.overlay-'));
  try {
    const kubectl = createKubectl('');
    const overlay = { resources: ['../fleet'], components: ['../components/external-nats'] };
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(overlay));
    const objectsOf = async (path: string): Promise<readonly string[]> =>
      parseAllDocuments(await kubectl(['kustomize', path]))
        .map((document) => document.toJS() as { kind: string; metadata: { name: string } })
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const [whole, rest] = [await objectsOf('deploy/fleet'), await objectsOf(folder)];
    const isServer = (object: string): boolean => object.endsWith(' nats') && object !== 'ConfigMap nats';
    expect(rest).toEqual(whole.filter((object) => !isServer(object)));
    expect(whole.filter(isServer).length).toBe(5);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

interface Workload {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { image: string }[]; readonly volumes?: readonly object[] };
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}
