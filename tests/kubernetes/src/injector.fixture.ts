import { createInProcessBus } from '@flotilla/bus-in-process';
import { openInjectorPlatform } from '@flotilla/injector-kubernetes';
import { createInjector } from '@flotilla/injector-service';
import { configOf, defaultValues } from '@flotilla/injector-template';
import {
  KubeError,
  resources,
  reviewAccess,
  type KubeApi,
  type KubeObject,
  type KubeResource,
  type NewObject,
} from '@flotilla/kube-port';
import { collections } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import { createCertificateSource } from '@flotilla/pki';
import { buildInjectionWebhooks } from '@flotilla/rules';
import { createTestCa, resourceOf } from '@flotilla/testing';
import { becomes, type TestApiServer } from './api-server.ts';

export const systemNamespace = 'istio-system';
const service = 'sidecar-injector';
const account = `system:serviceaccount:${systemNamespace}:${service}`;
export const webhookName = 'istio-sidecar-injector';
const pods: KubeResource = { group: '', versions: ['v1'], plural: 'pods' };
const rbac = (plural: string, clusterScoped: boolean): KubeResource => ({
  group: 'rbac.authorization.k8s.io',
  versions: ['v1'],
  plural,
  clusterScoped,
});
const bindings = rbac('clusterrolebindings', true);
const rbacVersion = 'rbac.authorization.k8s.io/v1';

/** An injector in this process that a real API server calls, with the permissions that docs/kubernetes.md names. */
export interface TestInjector {
  readonly log: string[];
  /** Gives the webhook a certificate of another root. */
  renew(): void;
  /** Ends it; it stays registered. */
  stop(): Promise<void>;
  /** Ends it and removes its registration. */
  close(): Promise<void>;
}

/** Prepares a cluster: the system namespace, the permissions of the injector, and its Service. */
export async function prepareCluster({ admin }: TestApiServer): Promise<void> {
  await makeNamespace(admin, systemNamespace);
  const names = [webhookName];
  await admin.create(rbac('clusterroles', true), {
    apiVersion: rbacVersion,
    kind: 'ClusterRole',
    metadata: { name: service },
    rules: [
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        verbs: ['list', 'watch'],
      },
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations'],
        resourceNames: names,
        verbs: ['get', 'patch'],
      },
    ],
  });
  await grant(admin);
  await admin.create(rbac('roles', false), {
    apiVersion: rbacVersion,
    kind: 'Role',
    metadata: { name: service, namespace: systemNamespace },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], resourceNames: names, verbs: ['list', 'watch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [service], verbs: ['get', 'update'] },
    ],
  });
  await admin.create(rbac('rolebindings', false), {
    apiVersion: rbacVersion,
    kind: 'RoleBinding',
    metadata: { name: service, namespace: systemNamespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: service },
    subjects: [{ kind: 'ServiceAccount', name: service, namespace: systemNamespace }],
  });
}

/** Lets the injector write its webhook configuration. */
export const grant = (admin: KubeApi): Promise<unknown> =>
  admin.create(bindings, {
    apiVersion: rbacVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: service },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: service },
    subjects: [{ kind: 'ServiceAccount', name: service, namespace: systemNamespace }],
  });
/** Revokes that; resolves when the revocation is in force. */
export async function revoke(admin: KubeApi): Promise<void> {
  await admin.delete(bindings, { name: service });
  const { group, plural: resource } = resources.mutatingWebhooks;
  const access = { user: account, verb: 'patch', group, resource, name: webhookName };
  await becomes(async () => !(await reviewAccess(admin, access)));
}

/** A namespace with the ServiceAccount that a controller would add. */
export async function makeNamespace(admin: KubeApi, name: string, labels: Readonly<Record<string, string>> = {}) {
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  await makeServiceAccount(admin, { namespace: name, name: 'default' });
}

/** Creates a ServiceAccount; resolves also if it exists already. */
export async function makeServiceAccount(
  admin: KubeApi,
  metadata: { readonly namespace: string; readonly name: string },
): Promise<void> {
  await admin
    .create(
      { group: '', versions: ['v1'], plural: 'serviceaccounts' },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    )
    .catch((thrown: unknown) => {
      if (!(thrown instanceof KubeError) || thrown.status !== 409) throw thrown;
    });
}

/** Creates a pod and deletes it again; resolves with the pod as the API server stored it, or with its refusal. */
export async function admit(admin: KubeApi, pod: NewObject): Promise<KubeObject | string> {
  try {
    const created = await admin.create(pods, pod);
    const { name, namespace = '' } = created.metadata;
    await admin.delete(pods, { name, namespace });
    return created;
  } catch (thrown) {
    if (thrown instanceof KubeError) return thrown.message;
    throw thrown;
  }
}

interface InjectorSettings {
  readonly mesh?: object;
  readonly path?: string;
  readonly enableNativeSidecars?: boolean;
}

/**
 * Starts an injector and registers it. The API server finds it through the Service, whose ExternalName is this machine:
 * that needs no nodes, and the certificate is still checked for the name of the Service.
 */
export async function startInjector(
  server: TestApiServer,
  { mesh = {}, path = '/inject', enableNativeSidecars = false }: InjectorSettings = {},
): Promise<TestInjector> {
  const { admin } = server;
  const stop = new AbortController();
  const lines: string[] = [];
  const write = (message: string, fields?: Fields): void =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const log: Logger = { ...noObservability.log, error: write, warn: write, info: write, scope: () => log };
  const observability = { ...noObservability, log };
  const issue = () => createTestCa().issue({ dns: [`${service}.${systemNamespace}.svc`] });
  const certificate = createCertificateSource(issue());

  const bus = createInProcessBus();
  const put = [{ resource: resourceOf({ ...mesh, kind: 'MeshConfig' }) }];
  await bus.publish({ session: 's', seq: 1, put, delete: [], complete: collections });
  const platform = await openInjectorPlatform(
    {
      platform: 'kubernetes',
      kubeconfig: server.kubeconfig({ user: account }),
      kubeContext: undefined,
      systemNamespace,
      domain: 'cluster.local',
      revision: 'default',
    },
    { certificate, fallback: configOf(defaultValues), observability },
  );
  if (!platform) throw new Error('no platform');
  const injector = createInjector({
    subscriber: bus,
    config: platform.config,
    enableNativeSidecars,
    observability,
    signal: stop.signal,
  });
  const webhook = injector.serve({ bind: '127.0.0.1', injectionPort: 0, certificate, guard: {} });
  const runners = [...platform.runners, { name: 'injector', run: injector.run }, webhook.runner];
  const ended = runners.map(({ run }) => run(stop.signal, () => {}));
  const [port] = await Promise.all([webhook.listening, injector.ready, ...Object.values(platform.ready)]);

  const namespaced = { namespace: systemNamespace, name: service };
  const services: KubeResource = { group: '', versions: ['v1'], plural: 'services' };
  const spec = { type: 'ExternalName', externalName: '127.0.0.1' };
  await admin.create(services, { apiVersion: 'v1', kind: 'Service', metadata: namespaced, spec });
  const registration = buildInjectionWebhooks({
    revision: 'default',
    service: { name: service, namespace: systemNamespace, path },
  });
  await admin.create(resources.mutatingWebhooks, {
    ...registration,
    webhooks: registration.webhooks.map((one) => ({
      ...one,
      clientConfig: { service: { ...one.clientConfig.service, port } },
    })),
  });
  const end = async (): Promise<void> => {
    stop.abort();
    await Promise.all(ended);
    await bus.close();
  };
  return {
    log: lines,
    renew: () => certificate.set(issue()),
    stop: end,
    async close() {
      await end();
      await admin.delete(resources.mutatingWebhooks, { name: webhookName });
      await admin.delete(services, namespaced);
    },
  };
}
