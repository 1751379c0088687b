import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparePeers, describeFailure, findFailures, send } from '@flotilla/demo';
import { corpusPath } from '@flotilla/testing';
import { burstsFrom, canRun, openMesh, requestFrom, until, type Rig } from './rig.ts';

const bookinfo = corpusPath('..', 'samples', 'bookinfo');
const files = [
  'bookinfo.yaml',
  'networking/bookinfo-gateway.yaml',
  'networking/destination-rule-all.yaml',
  'networking/virtual-service-reviews-50-v3.yaml',
].map((name) => join(bookinfo, name));
const outside = `
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: { name: reviews-from-outside }
spec:
  hosts: ["*"]
  gateways: [bookinfo-gateway]
  http:
  - match: [{ uri: { prefix: /reviews } }]
    route:
    - { destination: { host: reviews, subset: v1 }, weight: 50 }
    - { destination: { host: reviews, subset: v3 }, weight: 50 }
`;

/** Istio's sample, unchanged; its containers are stood in for. */
describe.skipIf(!canRun || !existsSync(bookinfo))('bookinfo', () => {
  let rig: Rig;
  beforeAll(async () => {
    const own = join(mkdtempSync(join(tmpdir(), 'flotilla-bookinfo-')), 'reviews-from-outside.yaml');
    writeFileSync(own, outside);
    rig = await openMesh([...files, own]);
  }, 90_000);
  afterAll(() => rig?.close(), 30_000);

  it('is shared between v1 and v3, half each, for who comes in by the gateway', async () => {
    const agent = new Agent({ keepAlive: true });
    const ask = async (): Promise<string> => {
      const { status, body } = await send(
        { ip: rig.mesh.gateway.ip, port: 8080, host: 'bookinfo.example.com', path: '/reviews/0' },
        agent,
      );
      return status === 200 ? (JSON.parse(body) as { version: string }).version : `status ${status}`;
    };
    await until('the gateway', ask, (version) => version === 'v1' || version === 'v3');
    const versions: string[] = [];
    for (let i = 0; i < 200; i += 1) versions.push(await ask());
    const count = (version: string): number => versions.filter((each) => each === version).length;
    expect(count('v1') + count('v3')).toBe(200);
    // Half of 200, within four standard deviations.
    expect(Math.abs(count('v1') - 100)).toBeLessThan(29);
    agent.destroy();
  }, 30_000);

  it('is shared by the VirtualService of the mesh for who asks from within, by its short name', async () => {
    const productpage = rig.mesh.cluster.pod('default', 'productpage-v1');
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => requestFrom(productpage, 'http://reviews:9080/reviews/0')),
    );
    const seen = answers.map(({ status, body }) =>
      status === 200 ? (JSON.parse(body) as { version: string; peer?: string }) : { version: `status ${status}` },
    );
    expect([...new Set(seen.map(({ version }) => version))].sort()).toEqual(['v1', 'v3']);
    expect(
      seen.every(
        (answer) => 'peer' in answer && answer.peer === 'spiffe://cluster.local/ns/default/sa/bookinfo-productpage',
      ),
    ).toBe(true);
  }, 30_000);

  it('answers 50 bursts of such requests without one failure at any proxy, not even one that a retry hides', async () => {
    const productpage = rig.mesh.cluster.pod('default', 'productpage-v1');
    const failures = (): string[] => findFailures(rig.mesh.proxies).map(describeFailure);
    // The gateway may have been asked for reviews before it had their endpoints.
    const before = failures();
    const statuses = await burstsFrom(productpage, 'http://reviews:9080/reviews/0', { bursts: 50, size: 24 });
    expect([statuses, failures()]).toEqual([{ 200: 50 * 24 }, before]);
  }, 60_000);

  it('goes with mTLS, each side seeing the other, without any policy asking for it', async () => {
    const { pairs, verified } = comparePeers(rig.mesh.proxies);
    expect(pairs).toBeGreaterThan(100);
    expect(verified).toBe(pairs);
    expect(await rig.mesh.metric('pilot_total_xds_rejects')).toBe(0);
  });
});
