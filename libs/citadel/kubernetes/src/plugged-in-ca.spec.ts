import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { KubeError, resources } from '@flotilla/kube-port';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { AsyncQueue } from '@flotilla/std';
import { createTestIntermediate, type TestCaParts } from '@flotilla/testing';
import { createPluggedInCa } from './plugged-in-ca.ts';

const name = { namespace: 'istio-system', name: 'cacerts' };
const [one, two] = [createTestIntermediate(), createTestIntermediate()];
const istioData = ({ cert, key, chain, roots }: TestCaParts) => ({
  'ca-cert.pem': cert,
  'ca-key.pem': key,
  'cert-chain.pem': chain,
  'root-cert.pem': roots,
});
const tlsData = ({ key, chain, roots }: TestCaParts) => ({ 'tls.crt': chain, 'tls.key': key, 'ca.crt': roots });
const secretOf = (data: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: name,
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
});

async function clusterWith(data?: Readonly<Record<string, string>>): Promise<FakeKube> {
  const api = new FakeKube();
  if (data) await api.create(resources.secrets, secretOf(data));
  return api;
}
const load = async (data?: Readonly<Record<string, string>>) =>
  createPluggedInCa(await clusterWith(data), 'istio-system').load();

describe('the Secret cacerts', () => {
  it.each([
    ["in Istio's fields", istioData(one)],
    ['of type kubernetes.io/tls', tlsData(one)],
  ])('is the CA: %s', async (_name, data) => {
    const ca = await load(data);
    expect(ca?.certificate.toString()).toBe(one.cert);
    expect(ca?.key.equals(createPrivateKey(one.key))).toBe(true);
    expect(ca?.intermediates.map(({ subject }) => subject)).toEqual(['O=mesh', 'O=middle']);
    expect(ca?.roots.map(String).join('')).toBe(one.roots);
  });

  it('is the same CA for each replica', async () => {
    const api = await clusterWith(istioData(one));
    const all = await Promise.all([1, 2].map(() => createPluggedInCa(api, 'istio-system').load()));
    expect(all.map((ca) => ca?.certificate.fingerprint256)).toEqual(
      Array(2).fill(new X509Certificate(one.cert).fingerprint256),
    );
  });

  it('may be missing', async () => expect(await load()).toBeUndefined());

  it.each([
    ...Object.keys(istioData(one)).map((field) => ['istio', field] as const),
    ...['tls.key', 'ca.crt'].map((field) => ['tls', field] as const),
  ])('without a field is an error: %s, %s', async (form, field) => {
    const { [field]: _, ...data } = (form === 'tls' ? tlsData(one) : istioData(one)) as Record<string, string>;
    await expect(load(data)).rejects.toThrow(`Secret istio-system/cacerts: it has no ${field}. Citadel does not start`);
  });

  it.each([
    ['ca-key.pem', { ...istioData(one), 'ca-key.pem': two.key }],
    ['tls.key', { ...tlsData(one), 'tls.key': two.key }],
    ['cert-chain.pem', { ...istioData(one), 'root-cert.pem': two.roots }],
    ['tls.crt', { ...tlsData(one), 'ca.crt': two.roots }],
    ['ca-cert.pem', istioData(createTestIntermediate(Date.now() - 3 * 86_400_000))],
  ])('that is not valid is an error that names %s and what to do', async (field, data) => {
    const failed = load(data);
    await expect(failed).rejects.toThrow(`Secret istio-system/cacerts: ${field}: `);
    await expect(failed).rejects.toThrow(/correct the Secret .*, or delete it/);
  });

  it('that cannot be read is an error, not a missing one', async () => {
    const api = await clusterWith(istioData(one));
    api.cut();
    await expect(createPluggedInCa(api, 'istio-system').load()).rejects.toThrow(KubeError);
  });
});

describe('a change of the Secret cacerts', () => {
  /** Changes the Secret while it is watched; resolves with the log line for each change. */
  async function linesOf(
    first: Readonly<Record<string, string>> | undefined,
    changes: readonly ((api: FakeKube) => Promise<unknown>)[],
  ): Promise<readonly string[]> {
    const api = await clusterWith(first);
    const lines = new AsyncQueue<string>();
    const write =
      (level: string) =>
      (message: string, fields?: object): void =>
        lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    const log: Logger = {
      ...noObservability.log,
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      scope: () => log,
    };
    const pluggedIn = createPluggedInCa(api, 'istio-system');
    await pluggedIn.load();
    const stop = new AbortController();
    const running = pluggedIn.watch(log, stop.signal);
    const seen: string[] = [];
    for (const change of changes) {
      await change(api.others as FakeKube);
      seen.push((await lines.next()).value as string);
    }
    stop.abort();
    await running;
    return seen;
  }
  const create = (data: Readonly<Record<string, string>>) => (api: FakeKube) =>
    api.create(resources.secrets, secretOf(data));
  const apply = (data: Readonly<Record<string, string>>) => (api: FakeKube) =>
    api.patch(resources.secrets, name, { type: 'apply', fieldManager: 'test', force: true, body: secretOf(data) });

  it('is logged with what to do, once, until it is as before', async () => {
    const key = Buffer.from(two.key).toString('base64');
    const lines = await linesOf(istioData(one), [
      apply(istioData(two)),
      apply({ ...istioData(two), 'ca-key.pem': one.key }),
      apply(istioData(one)),
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^warn: .* changed: .* until all its replicas are restarted .*istio-system\/cacerts/),
      expect.stringMatching(/^error: .* would not start again; correct the Secret .*ca-key\.pem: it does not belong/),
      expect.stringMatching(/^info: .* matches the one in use again/),
    ]);
    expect(lines.join()).not.toContain(key);
  });

  it('is logged when it is created or deleted', async () => {
    expect(await linesOf(undefined, [create(istioData(one))])).toEqual([
      expect.stringMatching(/^warn: .* changed: citadel signs as before until all its replicas are restarted/),
    ]);
    expect(await linesOf(istioData(one), [(api) => api.delete(resources.secrets, name)])).toEqual([
      expect.stringMatching(/^warn: .* was deleted: .* restore the Secret/),
    ]);
  });
});
