import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { buildRoot, generateKey, keyToPem } from '@flotilla/pki';
import { createServiceCertificate, requestCertificate } from '@flotilla/runtime/certificate';
import { path, key, csr, token, ca, leafOf } from './certificates.fixture.ts';

describe('a service of the control plane', () => {
  const tokenOf = (namespace: string, name: string): Promise<string> =>
    token({
      sub: `system:serviceaccount:${namespace}:${name}`,
      kubernetes: { namespace, serviceaccount: { name } },
    });
  const namesFor = async (namespace: string, name: string): Promise<string | undefined> =>
    leafOf(await requestCertificate(ca(), { csr, token: await tokenOf(namespace, name) })).subjectAltName;

  it('gets the names of its Kubernetes Service by the token of its ServiceAccount, mounted as in a pod', async () => {
    writeFileSync(path('istio-token'), await tokenOf('istio-system', 'nats'));
    const serviceCertificate = createServiceCertificate({
      service: 'nats',
      trustDomain: 'cluster.local',
      systemNamespace: 'istio-system',
      citadel: ca().address,
      bootstrapTokenFile: path('istio-token'),
      rootCertFile: path('root-cert.pem'),
      log: noObservability.log,
    });
    const stop = new AbortController();
    const running = serviceCertificate.runner.run(stop.signal);
    await serviceCertificate.first;
    const names = new X509Certificate(serviceCertificate.current()?.cert ?? '').subjectAltName?.split(', ');
    expect(names).toEqual(
      expect.arrayContaining(
        ['nats.istio-system.svc', 'nats.istio-system', 'nats.istio-system.svc.cluster.local', 'nats'].map(
          (name) => `DNS:${name}`,
        ),
      ),
    );
    stop.abort();
    await running;
  });

  it.each(['pilot', 'galley', 'citadel', 'sidecar-injector', 'nats', 'istiod'])('%s keeps them', async (name) => {
    const [cert = ''] = await requestCertificate(ca(), { csr, token: await tokenOf('istio-system', name) });
    const certificate = { key: keyToPem(key), cert };
    const renewed = leafOf(await requestCertificate({ ...ca(), certificate }, { csr }));
    expect(renewed.subjectAltName).toContain(`DNS:${name}.istio-system.svc,`);
  });

  it.each([
    ['istio-system', 'istio-ingressgateway'],
    ['istio-system', 'default'],
    ['shop', 'pilot'],
    ['istio-system-2', 'istiod'],
  ])('is not in %s as %s: there is no DNS name', async (namespace, name) => {
    expect(await namesFor(namespace, name)).toBe(`URI:spiffe://cluster.local/ns/${namespace}/sa/${name}`);
  });
});

describe('a service that gets no certificate', () => {
  /** The first line that the service logs, and the reason in it. */
  const firstLine = async (change: object): Promise<readonly [string, string]> => {
    const line = Promise.withResolvers<readonly [string, string]>();
    const log: Logger = {
      ...noObservability.log,
      warn: (message, fields) => line.resolve([message, String(fields?.['reason'])]),
    };
    const stop = new AbortController();
    const serviceCertificate = createServiceCertificate({
      service: 'pilot',
      trustDomain: 'cluster.local',
      systemNamespace: 'istio-system',
      citadel: ca().address,
      bootstrapTokenFile: path('pilot-token'),
      rootCertFile: path('root-cert.pem'),
      log,
      ...change,
    });
    const running = serviceCertificate.runner.run(stop.signal);
    const found = await line.promise;
    stop.abort();
    await running;
    return found;
  };

  it('logs which file is missing, and who provides it', async () => {
    const [root] = await firstLine({ rootCertFile: path('no-root.pem') });
    expect(root).toMatch(/waiting for .*no-root.pem, .*ConfigMap istio-ca-root-cert.*: is citadel running/);
    const [proof] = await firstLine({ bootstrapTokenFile: path('no-token') });
    expect(proof).toMatch(/waiting for .*no-token: .*ServiceAccount with the audience istio-ca/);
  });

  it('logs that citadel refuses its token, and why', async () => {
    writeFileSync(path('pilot-token'), await token({ aud: 'other' }));
    const [message, reason] = await firstLine({});
    expect([message, reason]).toEqual([
      expect.stringMatching(/refuses this service; trying again with the token in .*pilot-token/),
      expect.stringMatching(/aud/),
    ]);
  });

  it('logs that citadel does not run, or has another root', async () => {
    writeFileSync(path('pilot-token'), await tokenOfPilot());
    expect((await firstLine({ citadel: '127.0.0.1:1' }))[0]).toBe('waiting for citadel at 127.0.0.1:1: is it running?');
    const key = generateKey();
    const validity = { notBefore: Date.now() - 1000, notAfter: Date.now() + 60_000 };
    writeFileSync(path('other-root.pem'), buildRoot(key, { organization: 'x', validity, serial: Buffer.alloc(16, 1) }));
    expect((await firstLine({ rootCertFile: path('other-root.pem') }))[0]).toMatch(/is this the root/);
    expect((await firstLine({ systemNamespace: 'another' }))[0]).toMatch(/is this the root/);
  });
  const tokenOfPilot = (): Promise<string> => token({ sub: 'system:serviceaccount:istio-system:pilot', kubernetes: 0 });
});
