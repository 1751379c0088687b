import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { status, type ServiceError } from '@grpc/grpc-js';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resources, type KubeResource } from '@flotilla/kube-port';
import { startControlPlane, type ControlPlane } from '@flotilla/tool-control-plane';
import { openApiServer, type TestApiServer } from './api-server.ts';
import { clustersFor, tampered } from './xds-client.ts';

const pods: KubeResource = { group: '', versions: ['v1'], plural: 'pods' };
const serviceAccounts: KubeResource = { ...pods, plural: 'serviceaccounts' };
const namespace = 'shop';
const serviceAccount = 'web';
const deadlineMs = 300_000;

let server: TestApiServer;
let folder: string;
beforeAll(async () => {
  server = await openApiServer();
  folder = mkdtempSync(join(tmpdir(), 'flotilla-tokens-'));
  const { admin } = server;
  for (const name of ['istio-system', namespace])
    await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const metadata = { name: serviceAccount, namespace };
  await admin.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
}, 600_000);
afterAll(() => server.close());

/** A pod that no node runs; its token is valid while it exists. */
async function createPod(name: string): Promise<{ readonly name: string; readonly uid: string }> {
  const { metadata } = await server.admin.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { serviceAccountName: serviceAccount, containers: [{ name: 'web', image: 'web' }] },
  });
  return { name, uid: metadata.uid ?? '' };
}

/** A token as kubelet requests it for a pod (TokenRequest). */
async function tokenOf(pod: { readonly name: string; readonly uid: string }, audience = 'istio-ca'): Promise<string> {
  const { status: given } = await server.admin.create(
    { ...serviceAccounts, plural: `${serviceAccounts.plural}/${serviceAccount}/token` },
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { namespace },
      spec: {
        audiences: [audience],
        expirationSeconds: 3600,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', ...pod },
      },
    },
  );
  return (given as { readonly token: string }).token;
}

/** What a token says, with another expiry, signed by the API server's own key. */
async function expired(token: string): Promise<string> {
  const key = createPrivateKey(readFileSync(join(dirname(server.running.kubeconfig), 'tokens.key')));
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...decodeJwt(token), iat: now - 7200, nbf: now - 7200, exp: now - 3600 })
    .setProtectedHeader(header)
    .sign(key);
}

describe.each(['fleet', 'monolith'] as const)('xDS for a bearer token, from a %s and a real API server', (mode) => {
  let controlPlane: ControlPlane;
  beforeAll(async () => {
    const platform = { platform: 'kubernetes', kubeconfig: server.running.kubeconfig };
    controlPlane = await startControlPlane({
      mode,
      config: folder,
      state: join(folder, mode),
      flags: { istiod: platform, citadel: platform },
    });
  }, deadlineMs);
  afterAll(() => controlPlane.stop());

  const connect = (token: string, nodeNamespace = namespace): Promise<readonly string[]> =>
    clustersFor({
      address: `${controlPlane.address.split(':')[0]}:15012`,
      serverName: `${mode === 'fleet' ? 'pilot' : 'istiod'}.istio-system.svc`,
      root: readFileSync(join(folder, mode, 'root-cert.pem')),
      token,
      nodeNamespace,
    });
  const refusal = (token: string, nodeNamespace?: string): Promise<ServiceError> =>
    connect(token, nodeNamespace).then(
      () => expect.fail('the token was accepted'),
      (error: ServiceError) => error,
    );

  it(
    "comes for a pod's token, and for none of the five wrong ones",
    async () => {
      const pod = await createPod(`web-${mode}`);
      const token = await tokenOf(pod);
      expect(await connect(token)).toContain('BlackHoleCluster');

      const gone = await createPod(`gone-${mode}`);
      const orphaned = await tokenOf(gone);
      await server.admin.delete(pods, { namespace, name: gone.name });
      const wrong = {
        'another namespace': await refusal(token, 'elsewhere'),
        'another audience': await refusal(await tokenOf(pod, 'api')),
        expired: await refusal(await expired(token)),
        'a bad signature': await refusal(tampered(token)),
        'a pod that is gone': await refusal(orphaned),
      };
      expect(Object.fromEntries(Object.entries(wrong).map(([name, { code }]) => [name, status[code]]))).toEqual({
        'another namespace': 'PERMISSION_DENIED',
        'another audience': 'UNAUTHENTICATED',
        expired: 'UNAUTHENTICATED',
        'a bad signature': 'UNAUTHENTICATED',
        'a pod that is gone': 'UNAUTHENTICATED',
      });
      const log = readFileSync(join(folder, mode, `${mode === 'fleet' ? 'pilot' : 'istiod'}.log`), 'utf8');
      for (const { details } of Object.values(wrong)) expect(log).toContain(JSON.stringify(details).slice(1, 60));
      for (const secret of [token, orphaned]) expect(log).not.toContain(secret.split('.')[1]);
    },
    deadlineMs,
  );
});
