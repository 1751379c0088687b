import { expect, table, type Attack } from '../../attack.ts';
import { nodeOf, types, type AdsOptions } from '../../clients/ads.ts';
import { gatewayAccount, gatewayAddress, secretNames } from '../../mesh/folder.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const { referenced, unused, foreign } = secretNames;
/** Every spelling by which somebody might mean a Secret. */
const spellings = [referenced, unused]
  .flatMap((name) => [
    `kubernetes://${name}`,
    `kubernetes://shop/${name}`,
    `kubernetes-gateway://shop/${name}`,
    `kubernetes-gateway:///${name}`,
    `kubernetes://${name}-cacert`,
    `KUBERNETES://${name}`,
    `kubernetes://Shop/${name}`,
    `kubernetes://shop%2F${name}`,
    `kubernetes://other/../shop/${name}`,
    `kubernetes://./${name}`,
    `kubernetes:// ${name}`,
    `kubernetes://${name}\0`,
    `kubernetes://shop/${name}/`,
    `kubernetes://*/${name}`,
    `file-root:${name}`,
    `builtin://${name}`,
    `configmap://shop/${name}`,
    name,
    `shop/${name}`,
    `invalid://${name}`,
  ])
  .concat('*', 'default', 'ROOTCA', `kubernetes://other/${foreign}`, `kubernetes-gateway://other/${foreign}`);

interface Asker {
  readonly account: readonly [namespace: string, name: string] | undefined;
  readonly node: string;
  readonly variant?: AdsOptions['variant'];
  readonly metadata?: Readonly<Record<string, string>>;
}
/** All that a stream is given of Secrets, as text. */
async function ask(
  mesh: Mesh,
  { account, node, variant = 'sotw', metadata = {} }: Asker,
  names: readonly string[],
): Promise<string> {
  const stream = await mesh.stream({
    port: account ? 'secure-xds' : 'xds',
    variant,
    nodeId: node,
    metadata: { NAMESPACE: 'shop', ...metadata },
    ...(account ? { certificate: await mesh.certificate(...account) } : {}),
  });
  stream.send({
    typeUrl: types.sds,
    ...(variant === 'sotw' ? { resourceNames: [...names] } : { resourceNamesSubscribe: [...names] }),
  });
  // Keys may come only after citadel has been asked: a cluster that is asked for later comes later.
  await stream.next(({ message }) => message.typeUrl === types.sds, 5000).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 500));
  return stream.responses
    .map(({ kind, message }) =>
      kind === 'sotw'
        ? message.resources.map(({ value }) => value)
        : message.resources.map(({ resource }) => resource?.value),
    )
    .flat()
    .map((bytes) => Buffer.from(bytes ?? []).toString('latin1'))
    .join('\n');
}
const getsNone = (name: string, asker: Asker, more: Partial<Row> = {}): Row => ({
  name,
  describe: `${spellings.length} spellings of a Secret's name: no private key`,
  run: async (mesh) => {
    const text = await ask(mesh, asker, spellings);
    mesh.answered(text);
    expect('no private key', text.slice(0, 200), !text.includes('PRIVATE KEY'));
  },
  ...more,
});
const gateway = nodeOf('shop', { name: 'gateway', kind: 'router', address: gatewayAddress });

/** Who asks pilot for keys. */
export const sds = table({ service: 'pilot', kind: 'sds' }, [
  {
    name: 'the gateway itself',
    describe:
      'the authorised gateway requests a Secret that its Gateway references: it receives the key, which shows that the other rows could fail',
    run: async (mesh) => {
      const text = await ask(
        mesh,
        { account: ['shop', gatewayAccount], node: gateway, metadata: { ISTIO_META_POD: 'gateway' } },
        [`kubernetes://${referenced}`],
      );
      expect('a private key', `${text.length} bytes without one`, text.includes('PRIVATE KEY'));
    },
  },
  {
    name: 'the gateway, for a Secret that it does not reference',
    describe:
      'kubernetes-gateway:// for a Secret that none of its Gateways references, and for one of another namespace: no private key',
    run: async (mesh) => {
      const text = await ask(mesh, { account: ['shop', gatewayAccount], node: gateway }, [
        `kubernetes-gateway://shop/${unused}`,
        `kubernetes-gateway://other/${foreign}`,
        `kubernetes://other/${foreign}`,
      ]);
      mesh.answered(text);
      expect('no private key', text.slice(0, 200), !text.includes('PRIVATE KEY'));
    },
  },
  // ddf8edd: any workload of the namespace got the keys of all its Secrets.
  getsNone('a sidecar of the namespace', { account: ['shop', 'web'], node: nodeOf('shop') }, { form: 'quick' }),
  getsNone('a sidecar of the namespace, in delta', {
    account: ['shop', 'web'],
    node: nodeOf('shop'),
    variant: 'delta',
  }),
  getsNone('a sidecar that claims to be a router', { account: ['shop', 'web'], node: gateway }, { form: 'short' }),
  getsNone('a sidecar that names another service account', {
    account: ['shop', 'web'],
    node: gateway,
    metadata: { SERVICE_ACCOUNT: gatewayAccount, ISTIO_META_SERVICE_ACCOUNT: gatewayAccount },
  }),
  getsNone(
    'a gateway of another namespace',
    { account: ['other', gatewayAccount], node: nodeOf('other', { kind: 'router' }) },
    { form: 'short' },
  ),
  getsNone('a gateway of another namespace that claims to be in this one', {
    account: ['other', gatewayAccount],
    node: gateway,
    metadata: { NAMESPACE: 'shop' },
  }),
  getsNone('a workload named like the control plane', { account: ['shop', 'pilot'], node: gateway }),
  getsNone('a client without identity, in plaintext', { account: undefined, node: gateway }, { form: 'short' }),
  getsNone('a client without identity, in plaintext and delta', {
    account: undefined,
    node: gateway,
    variant: 'delta',
  }),
  getsNone('the default service account of istio-system', {
    account: ['istio-system', 'default'],
    node: nodeOf('istio-system', { kind: 'router' }),
  }),
]);
