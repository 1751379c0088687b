import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFleet } from '../fleet.fixture.ts';

const proxyConfig = (concurrency: number): string => `apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {name: all, namespace: shop}
spec: {concurrency: ${concurrency}}
`;
const pod = (annotations: Readonly<Record<string, string>> = {}): object => ({
  metadata: { name: 'web', labels: { app: 'web' }, annotations },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
});

describe('injection through the webhook', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-injection-'));
  const put = (text: string): void => {
    writeFileSync(join(dir, '.new'), text);
    renameSync(join(dir, '.new'), join(dir, 'mesh.yaml'));
  };
  let fleet: Awaited<ReturnType<typeof startFleet>>;
  beforeAll(async () => {
    put(proxyConfig(3));
    fleet = await startFleet({ config: dir });
  });
  afterAll(() => fleet.close());

  it('gives a pod its proxy, after the container that redirects traffic', async () => {
    const patch = JSON.parse(await fleet.inject(pod())) as readonly {
      readonly path: string;
      readonly value: unknown;
    }[];
    const text = JSON.stringify(patch);
    expect(text).toContain('"name":"istio-proxy"');
    expect(text).toContain('"name":"istio-init"');
    expect(text).toContain('\\"concurrency\\":3');
  });

  it('leaves a pod alone that opts out', async () =>
    expect(await fleet.inject(pod({ 'sidecar.istio.io/inject': 'false' }))).toBe(''));

  it('refuses a pod whose annotations it cannot read, and says what is wrong', async () => {
    const wrong = pod({ 'proxy.istio.io/config': 'concurrency: many' });
    await expect(fleet.inject(wrong)).rejects.toThrow('could not parse proxy config: proxyConfig.concurrency');
  });

  it('follows changes of the configuration', async () => {
    put(proxyConfig(5));
    for await (const { put: resources } of fleet.taken)
      if (JSON.stringify(resources).includes('"concurrency":5')) break;
    expect(await fleet.inject(pod())).toContain('\\"concurrency\\":5');
  });
});
