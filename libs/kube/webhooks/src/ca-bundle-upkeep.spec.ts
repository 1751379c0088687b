import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeKube } from '@flotilla/kube-fake';
import { KubeError, resources, type KubeObject, type Leadership } from '@flotilla/kube-port';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { createCertificateSource, type MutableCertificateSource } from '@flotilla/pki';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { createCaBundleUpkeep } from './ca-bundle-upkeep.ts';

const labelSelector = 'istio.io/rev=default';
const suffix = 'sidecar-injector.istio.io';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const certificate = (roots: string) => ({ key: 'KEY', cert: 'CERT', roots });

describe('the root certificate in webhook configurations', () => {
  let api: FakeKube;
  let clock: ManualClock;
  let source: MutableCertificateSource;
  let stop: AbortController;
  let problems: string[];
  let running: Promise<void>[];
  beforeEach(() => {
    [api, clock, source, stop] = [
      new FakeKube(),
      createManualClock(),
      createCertificateSource(),
      new AbortController(),
    ];
    [problems, running] = [[], []];
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(running);
  });

  const log: Logger = {
    ...noObservability.log,
    warn: (message, fields) => void problems.push(`${message}: ${String(fields?.['problem'] ?? fields?.['expected'])}`),
  };
  const start = (more: { certificate?: MutableCertificateSource; leadership?: Leadership } = {}): void =>
    void running.push(
      createCaBundleUpkeep({
        api,
        resource: resources.mutatingWebhooks,
        labelSelector,
        suffix,
        namespace: 'istio-system',
        certificate: source,
        observability: { ...noObservability, log },
        clock,
        random: () => 0,
        ...more,
      })(stop.signal),
    );
  const make = (
    name: string,
    { revision = 'default', webhooks = [`namespace.${suffix}`], namespace = 'istio-system' } = {},
  ): Promise<KubeObject> =>
    api.others.create(resources.mutatingWebhooks, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name, labels: { 'istio.io/rev': revision } },
      webhooks: webhooks.map((webhook) => ({
        name: webhook,
        clientConfig: { service: { name: 'sidecar-injector', namespace } },
      })),
    });
  const edit = async (name: string, caBundle: string): Promise<void> => {
    const found = await api.others.get(resources.mutatingWebhooks, { name });
    const webhooks = (found?.['webhooks'] as readonly object[]).map((webhook) => ({
      ...webhook,
      clientConfig: { caBundle },
    }));
    await api.others.patch(resources.mutatingWebhooks, { name }, { type: 'merge', body: { webhooks } });
  };
  const bundlesOf = async (name: string): Promise<readonly (string | undefined)[]> => {
    const found = await api.others.get(resources.mutatingWebhooks, { name });
    const webhooks = (found?.['webhooks'] ?? []) as readonly { clientConfig: { caBundle?: string } }[];
    return webhooks.map(({ clientConfig }) => clientConfig.caBundle);
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  async function becomes(name: string, ...wanted: readonly (string | undefined)[]): Promise<void> {
    const text = JSON.stringify(wanted.map((roots) => roots && base64(roots)));
    while (JSON.stringify(await bundlesOf(name)) !== text) await turn();
  }
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 10; count += 1) await turn();
  };

  it('is left alone where another control plane of the revision answers, with one warning', async () => {
    const namespace = 'mesh-two';
    const service = { name: 'sidecar-injector', namespace };
    const theirs = { name: `namespace.${suffix}`, clientConfig: { service, caBundle: base64('THEIRS') } };
    const ours = {
      name: `object.${suffix}`,
      clientConfig: { service: { ...service, namespace: 'istio-system' } },
    };
    const write = (webhooks: readonly object[]) =>
      api.others.patch(
        resources.mutatingWebhooks,
        { name: 'istio-sidecar-injector' },
        { type: 'merge', body: { webhooks } },
      );
    await make('istio-sidecar-injector', { namespace });
    source.set(certificate('ROOTS'));
    start();
    await settle();
    await write([theirs]);
    await settle();
    expect(await bundlesOf('istio-sidecar-injector')).toEqual([base64('THEIRS')]);
    await write([theirs, ours]);
    await becomes('istio-sidecar-injector', 'THEIRS', 'ROOTS');
    expect(problems.filter((problem) => problem.includes('another control plane'))).toEqual([
      'webhooks of another control plane of this revision are left alone: they lead to a Service in namespace mesh-two, and this control plane is in istio-system',
    ]);
  });

  it('is written once there is a certificate, into every webhook of the service and no other', async () => {
    await make('istio-sidecar-injector', {
      webhooks: [`rev.namespace.${suffix}`, 'other.example.com', `object.${suffix}`],
    });
    await make('istio-revision-tag-prod');
    await make('istio-sidecar-injector-canary', { revision: 'canary' });
    start();
    await settle();
    expect(await bundlesOf('istio-revision-tag-prod')).toEqual([undefined]);
    source.set(certificate('ROOT'));
    await becomes('istio-sidecar-injector', 'ROOT', undefined, 'ROOT');
    await becomes('istio-revision-tag-prod', 'ROOT');
    expect(await bundlesOf('istio-sidecar-injector-canary')).toEqual([undefined]);
  });

  it('does not change anything else in the configuration', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    start();
    await becomes('a', 'ROOT');
    expect(await api.get(resources.mutatingWebhooks, { name: 'a' })).toMatchObject({
      metadata: { labels: { 'istio.io/rev': 'default' } },
      webhooks: [{ name: `namespace.${suffix}`, clientConfig: { service: { name: 'sidecar-injector' } } }],
    });
  });

  it('is restored after an edit, follows a new root, and is written into a configuration that is added', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    start();
    await becomes('a', 'ROOT');
    await edit('a', base64('FALSE'));
    await becomes('a', 'ROOT');
    source.set(certificate('ROOT 2'));
    await becomes('a', 'ROOT 2');
    await make('b');
    await becomes('b', 'ROOT 2');
  });

  it('is not written again when the certificate is renewed below the same root', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    start();
    await becomes('a', 'ROOT');
    const before = await api.others.get(resources.mutatingWebhooks, { name: 'a' });
    source.set({ ...certificate('ROOT'), cert: 'RENEWED' });
    await settle();
    expect(await api.others.get(resources.mutatingWebhooks, { name: 'a' })).toEqual(before);
  });

  it('is written after somebody else has changed the configuration at the same moment', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    const { patch } = api;
    api.patch = async (...given) => {
      api.patch = patch;
      await edit('a', base64('FALSE'));
      return patch(...given);
    };
    start();
    while (problems.length === 0) await turn();
    expect(problems[0]).toContain('has been modified');
    clock.advance(200);
    await becomes('a', 'ROOT');
  });

  it('is written once a missing permission is granted, which is logged until then', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    const { patch } = api;
    const message =
      'mutatingwebhookconfigurations.admissionregistration.k8s.io "a" is forbidden: User "system:serviceaccount:istio-system:sidecar-injector" cannot patch resource';
    api.patch = () => Promise.reject(new KubeError(message, { status: 403, reason: 'Forbidden' }));
    start();
    for (const count of [1, 2]) {
      while (problems.length < count) await turn();
      expect(problems[count - 1]).toContain(message);
      if (count === 2) api.patch = patch;
      clock.advance(1000);
    }
    await becomes('a', 'ROOT');
  });

  it('is missed in the log, with what is expected, while the webhook is not registered', async () => {
    source.set(certificate('ROOT'));
    await make('unrelated', { webhooks: ['other.example.com'] });
    start();
    while (problems.length === 0) await turn();
    expect(problems[0]).toContain('istio.io/rev=default and a webhook *.sidecar-injector.istio.io');
    expect(await bundlesOf('unrelated')).toEqual([undefined]);
  });

  it('is written by the leader alone, and by the next one after it', async () => {
    const other = createCertificateSource(certificate('OTHER'));
    source.set(certificate('ROOT'));
    let leader = source;
    const listeners = new Set<(isLeader: boolean) => void>();
    const leadershipOf = (replica: MutableCertificateSource): Leadership => ({
      isLeader: () => leader === replica,
      onChange(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    });
    await make('a');
    start({ leadership: leadershipOf(source) });
    start({ certificate: other, leadership: leadershipOf(other) });
    await becomes('a', 'ROOT');
    await settle();
    expect(await bundlesOf('a')).toEqual([base64('ROOT')]);
    leader = other;
    for (const listener of listeners) listener(true);
    await becomes('a', 'OTHER');
  });

  it('is restored after the API server was away', async () => {
    source.set(certificate('ROOT'));
    await make('a');
    start();
    await becomes('a', 'ROOT');
    api.cut();
    await edit('a', base64('FALSE'));
    api.restore();
    await becomes('a', 'ROOT');
    expect(problems[0]).toContain('connection refused');
  });
});
