import { describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { KubeError, resources } from '@flotilla/kube-port';
import { createSecretRootStore } from './secret-root-store.ts';

const root = { keyPem: 'KEY', certPem: 'CERT' };
const other = { keyPem: 'KEY 2', certPem: 'CERT 2' };

describe('the root in a Secret', () => {
  it('is kept where Istio keeps it', async () => {
    const api = new FakeKube();
    const store = createSecretRootStore(api, 'istio-system');
    expect(await store.load()).toBeUndefined();
    expect(await store.keep(root)).toEqual(root);
    expect(await store.load()).toEqual(root);
    const name = { namespace: 'istio-system', name: 'istio-ca-secret' };
    expect(await api.get(resources.secrets, name)).toMatchObject({
      type: 'istio.io/ca-root',
      data: { 'ca-key.pem': Buffer.from('KEY').toString('base64') },
    });
  });

  it('is one root, when two start at once', async () => {
    const api = new FakeKube();
    const stores = [createSecretRootStore(api, 'istio-system'), createSecretRootStore(api, 'istio-system')];
    const [first, second] = await Promise.all([stores[0]?.keep(root), stores[1]?.keep(other)]);
    expect(second).toEqual(first);
  });

  it('says what is missing in a Secret that somebody has emptied', async () => {
    const api = new FakeKube();
    await api.create(resources.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'istio-system', name: 'istio-ca-secret' },
    });
    await expect(createSecretRootStore(api, 'istio-system').load()).rejects.toThrow(
      'Secret istio-system/istio-ca-secret has no ca-key.pem',
    );
  });

  it('fails while the API server is away, and does not make another root', async () => {
    const api = new FakeKube();
    api.cut();
    const store = createSecretRootStore(api, 'istio-system');
    await expect(store.load()).rejects.toThrow(KubeError);
    await expect(store.keep(root)).rejects.toThrow(KubeError);
  });
});
