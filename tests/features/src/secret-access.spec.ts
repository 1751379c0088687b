import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from './proxy-stream.fixture.ts';
import { openPilot, secretType, type Rig } from './secrets.fixture.ts';

const pod = (
  name: string,
  namespace: string,
  {
    account,
    labels,
    ip,
  }: { readonly account: string; readonly labels: Readonly<Record<string, string>>; readonly ip: string },
): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: { serviceAccountName: account, containers: [] },
  status: { podIP: ip, phase: 'Running' },
});
const gateway = (
  name: string,
  namespace: string,
  {
    selector,
    credentialName,
    mode = 'SIMPLE',
  }: { readonly selector: Readonly<Record<string, string>>; readonly credentialName: string; readonly mode?: string },
): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'Gateway',
  metadata: { name, namespace },
  spec: {
    selector,
    servers: [
      {
        port: { number: 443, name: `https-${name}`, protocol: 'HTTPS' },
        tls: { mode, credentialName },
        hosts: [`${name}.test`],
      },
    ],
  },
});
const edge = { istio: 'edge' };
const pods = [
  pod('gateway', 'shop', { account: 'gateway', labels: edge, ip: '10.0.0.1' }),
  pod('web', 'shop', { account: 'web', labels: { app: 'web' }, ip: '10.0.0.2' }),
  pod('gateway', 'elsewhere', { account: 'gateway', labels: edge, ip: '10.0.0.3' }),
  pod('second', 'shop', { account: 'gateway', labels: { istio: 'inner' }, ip: '10.0.0.4' }),
];
const gateways = [
  gateway('own', 'shop', { selector: edge, credentialName: 'kubernetes-gateway://shop/web' }),
  gateway('mutual', 'shop', { selector: edge, credentialName: 'kubernetes-gateway://shop/mutual', mode: 'MUTUAL' }),
  gateway('inner', 'shop', { selector: { istio: 'inner' }, credentialName: 'kubernetes-gateway://shop/inner' }),
  gateway('foreign', 'elsewhere', { selector: edge, credentialName: 'kubernetes-gateway://shop/foreign' }),
];
const names = ['web', 'mutual', 'inner', 'foreign', 'other'];
const credential = (name: string) => ({
  certificate: Buffer.from(`cert-${name}`),
  key: Buffer.from(`key-${name}`),
  roots: Buffer.from(`roots-${name}`),
});
const everySpelling = (name: string): string[] =>
  ['', '-cacert'].flatMap((suffix) => [
    `kubernetes://${name}${suffix}`,
    `kubernetes://shop/${name}${suffix}`,
    `kubernetes-gateway://shop/${name}${suffix}`,
  ]);
const odd = [
  'kubernetes://',
  'kubernetes:///web',
  'kubernetes://shop//web',
  'kubernetes://shop/web/',
  'kubernetes:////shop/web',
  'kubernetes://elsewhere/../shop/web',
  'kubernetes://../shop/web',
  'kubernetes://shop/./web',
  'kubernetes://shop%2Fweb',
  'kubernetes://shop/%77eb',
  'KUBERNETES://shop/web',
  'kubernetes://Shop/web',
  'kubernetes://shop/WEB',
  'kubernetes://shop/web\0',
  'kubernetes://shop\0/web',
  'kubernetes://shop/\uff57eb',
  'kubernetes://shop/web ',
  'shop/web',
  'web',
  'file-cert:/var/run/secrets/tls.key',
  'default',
  'ROOTCA',
  `kubernetes://${'shop/web'.repeat(120)}`,
];

let rig: Rig;
beforeEach(async () => {
  rig = await openPilot({ readers: ['shop/gateway', 'elsewhere/gateway'], objects: [...pods, ...gateways] });
  rig.give({ put: new Map(names.map((name) => [`shop/${name}`, credential(name)])) });
});
afterEach(() => rig.close());

/**
 * Asks for all the names at once; gives the parts of Secrets that come until everything has settled, also after all of
 * them changed.
 */
async function given(caller: Caller, asked: readonly string[]): Promise<string[]> {
  const stream = await rig.connect(caller);
  stream.ask(secretType, asked);
  const before = await stream.settled();
  rig.give({
    put: new Map(names.map((name) => [`shop/${name}`, { ...credential(name), staple: Buffer.from('changed') }])),
  });
  const after = await stream.settled();
  return [...new Set([...before, ...after].flatMap(({ text }) => text.match(/(?:key|roots)-[a-z]+/g) ?? []))].sort();
}

describe.each(['sotw', 'delta'] as const)('who gets a secret, %s', (variant) => {
  const all = [...names.flatMap(everySpelling), ...odd];
  it.each<[string, Omit<Caller, 'variant'>]>([
    ['a sidecar of its namespace', { account: 'shop/web', type: 'sidecar', name: 'web', ip: '10.0.0.2' }],
    [
      "a sidecar that says it is the gateway's pod",
      {
        account: 'shop/web',
        name: 'gateway',
        metadata: { LABELS: edge, STATIC_LABELS: edge, INSTANCE_IPS: '10.0.0.1' },
      },
    ],
    ['an account that is not listed', { account: 'shop/default', name: 'gateway' }],
    ['a gateway of another namespace', { account: 'elsewhere/gateway' }],
    [
      "a gateway of another namespace that says it is in this one's pod",
      { account: 'elsewhere/gateway', ip: '10.0.0.1', metadata: { INSTANCE_IPS: '10.0.0.1', LABELS: edge } },
    ],
    ['nobody, over plaintext', { type: 'router' }],
    [
      'nobody who names an account, over plaintext',
      { metadata: { SERVICE_ACCOUNT: 'gateway', NAMESPACE: 'shop', LABELS: edge } },
    ],
  ])('%s gets none, by any spelling', async (_who, caller) =>
    expect(await given({ variant, ...caller }, all)).toEqual([]),
  );

  it('a node that names another namespace or service account than its certificate gets no stream', async () => {
    await expect(
      rig.connect({ variant, account: 'shop/web', metadata: { SERVICE_ACCOUNT: 'gateway' } }),
    ).rejects.toThrow(/PERMISSION_DENIED/);
    await expect(rig.connect({ variant, account: 'elsewhere/gateway', namespace: 'shop' })).rejects.toThrow(
      /PERMISSION_DENIED/,
    );
    await expect(
      rig.connect({ variant, account: 'shop/web', namespace: 'elsewhere', metadata: { NAMESPACE: 'elsewhere' } }),
    ).rejects.toThrow(/PERMISSION_DENIED/);
  });

  it('a listed gateway gets those of its own namespace, by the two forms of kubernetes://', async () => {
    expect(
      await given({ variant, account: 'shop/gateway' }, [
        'kubernetes://web',
        'kubernetes://shop/other',
        'kubernetes://other-cacert',
        'kubernetes://elsewhere/web',
      ]),
    ).toEqual(['key-other', 'key-web', 'roots-other']);
  });
  it('and by kubernetes-gateway:// those that its own Gateways refer to, no others', async () => {
    expect(
      await given(
        { variant, account: 'shop/gateway' },
        names.flatMap((name) => [`kubernetes-gateway://shop/${name}`, `kubernetes-gateway://shop/${name}-cacert`]),
      ),
    ).toEqual(['key-mutual', 'key-web', 'roots-mutual']);
  });
  it('whatever labels it sends: those of its pod decide', async () => {
    const asked = names.map((name) => `kubernetes-gateway://shop/${name}`);
    const metadata = { LABELS: { istio: 'inner' }, STATIC_LABELS: { istio: 'inner' } };
    expect(await given({ variant, account: 'shop/gateway', metadata }, asked)).toEqual(['key-mutual', 'key-web']);
    expect(await given({ variant, account: 'shop/gateway', name: 'unknown', ip: '10.9.9.9', metadata }, asked)).toEqual(
      [],
    );
    expect(await given({ variant, account: 'shop/gateway', name: 'web', ip: '10.0.0.2', metadata }, asked)).toEqual([]);
    expect(await given({ variant, account: 'shop/gateway', type: 'sidecar' }, asked)).toEqual([]);
  });
  it('no odd spelling reaches a Secret, and all of them together are one line of bounded length', async () => {
    expect(await given({ variant, account: 'shop/gateway' }, odd)).toEqual([]);
    expect(rig.logged).toMatchObject([
      { count: odd.length, reason: expect.stringMatching(/not the name of a Secret/) as string },
    ]);
    expect(JSON.stringify(rig.logged).length).toBeLessThan(1000);
  });

  it('a name that a Gateway begins to refer to comes then, and no longer when it ends', async () => {
    const stream = await rig.connect({ variant, account: 'shop/gateway' });
    stream.ask(secretType, ['kubernetes-gateway://shop/other']);
    expect((await stream.settled()).map(({ text }) => text)).toEqual(['']);
    await rig.put([gateway('late', 'shop', { selector: edge, credentialName: 'kubernetes-gateway://shop/other' })]);
    expect((await stream.next()).text).toContain('key-other');
    await rig.put([
      gateway('late', 'shop', { selector: { istio: 'inner' }, credentialName: 'kubernetes-gateway://shop/other' }),
    ]);
    await stream.settled();
    rig.give({ put: new Map([['shop/other', { ...credential('other'), staple: Buffer.from('changed') }]]) });
    expect((await stream.settled()).map(({ text }) => text).join('')).toBe('');
  });
});
