import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { resources, type NewObject } from '@flotilla/kube-port';
import { buildCertificate, buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { openPilot, secretType, type Rig } from './secrets.fixture.ts';

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const rootKey = generateKey();
const root = new X509Certificate(buildRoot(rootKey, { organization: 'test', validity, serial: randomBytes(16) }));
const makePair = (): { readonly cert: string; readonly key: string } => {
  const key = generateKey();
  const input = { publicKey: createPublicKey(key), validity, serial: randomBytes(16), dns: ['web.test'] };
  return { cert: buildCertificate(input, { key: rootKey, certificate: root }), key: keyToPem(key) };
};
const [one, two] = [makePair(), makePair()];
const name = { namespace: 'shop', name: 'web' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const dataOf = ({ cert, key }: ReturnType<typeof makePair>) => ({ 'tls.crt': base64(cert), 'tls.key': base64(key) });
const secret = (pair: ReturnType<typeof makePair>): NewObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: name,
  type: 'kubernetes.io/tls',
  data: dataOf(pair),
});
/** A part of a private key that no other has. */
const partOf = ({ key }: ReturnType<typeof makePair>): string => key.split('\n')[1] ?? '';

let cluster: FakeKube;
let rig: Rig;
const mayList = new Set<string>();
beforeEach(async () => {
  cluster = new FakeKube();
  mayList.clear();
  cluster.review(resources.subjectAccessReviews, ({ spec }) => {
    const { user, resourceAttributes } = spec as { user: string; resourceAttributes: { namespace: string } };
    return { allowed: mayList.has(`${user} ${resourceAttributes.namespace}`) };
  });
  rig = await openPilot({ cluster });
});
afterEach(() => rig.close());
const allow = (namespace: string, account: string): void =>
  void mayList.add(`system:serviceaccount:${namespace}:${account} ${namespace}`);

describe.each(['sotw', 'delta'] as const)('a Secret in a cluster, %s', (variant) => {
  it('reaches a gateway that may list Secrets: created later, rotated, deleted and created again', async () => {
    allow('shop', 'gateway');
    const gateway = await rig.connect({ variant, account: 'shop/gateway' });
    gateway.ask(secretType, ['kubernetes://web']);
    await rig.warned('no such Secret');
    await cluster.create(resources.secrets, secret(one));
    await gateway.nextWith(partOf(one));
    await cluster.patch(resources.secrets, name, { type: 'merge', body: { data: dataOf(two) } });
    await gateway.nextWith(partOf(two));
    await cluster.delete(resources.secrets, name);
    await rig.warned('no such Secret');
    await cluster.create(resources.secrets, secret(one));
    await gateway.nextWith(partOf(one));
  });

  it.each<[string, Parameters<Rig['connect']>[0]]>([
    ['a gateway that may not', { variant, account: 'shop/gateway' }],
    ['a sidecar', { variant, account: 'shop/web', type: 'sidecar', name: 'web', ip: '10.0.0.2' }],
  ])('does not reach %s, which is logged, until that is allowed', async (_who, caller) => {
    allow('elsewhere', 'gateway');
    await cluster.create(resources.secrets, secret(one));
    const proxy = await rig.connect(caller);
    proxy.ask(secretType, ['kubernetes://web']);
    await rig.warned('must let it list Secrets');
    expect((await proxy.settled()).map(({ text }) => text).join('')).not.toContain(partOf(one));
    allow('shop', String(caller.account).split('/')[1] ?? '');
    await proxy.nextWith(partOf(one));
  });

  it('does not reach a gateway of another namespace that may list Secrets there', async () => {
    allow('elsewhere', 'gateway');
    await cluster.create(resources.secrets, secret(one));
    const gateway = await rig.connect({ variant, account: 'elsewhere/gateway' });
    gateway.ask(secretType, ['kubernetes://shop/web', 'kubernetes://web']);
    await rig.warned('in another namespace than the proxy');
    await rig.warned('no such Secret');
    expect((await gateway.settled()).map(({ text }) => text).join('')).not.toContain(partOf(one));
  });
});
