import { beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createTestCa } from '@flotilla/testing';
import { apply, createClients, deployShop, gatewayUrl, install, systemNamespace } from './mesh.ts';
import type { Answer, Clients, Shape, ShopAnswer } from './mesh.ts';
import type { TestCluster } from './test-cluster.ts';
import { until } from './until.ts';

const host = 'shop.example.com';
const identity = (namespace: string, account: string): string => `spiffe://cluster.local/ns/${namespace}/sa/${account}`;
const answered =
  (status: number) =>
  (answer: Answer): boolean =>
    answer.status === status;

/** From an empty cluster to the shop behind the gateway; later tests in the same file use that mesh. */
export function describeInstallation(shape: Shape, cluster: () => TestCluster): void {
  describe('from one `kubectl apply -k`', () => {
    let clients: Clients;
    beforeAll(() => {
      clients = createClients(cluster());
    });

    it('everything becomes ready without help, in any order', () => install(cluster(), shape), 300_000);

    it('pods of a labelled namespace get a proxy from the webhook', async () => {
      await deployShop(cluster());
      const { items } = JSON.parse(await cluster().kubectl(['get', 'pods', '-n', 'shop', '-o', 'json'])) as Pods;
      expect(items.length).toBeGreaterThan(4);
      for (const { metadata, spec } of items) {
        expect([metadata.name, spec.containers.map(({ name }) => name)]).toEqual([
          metadata.name,
          expect.arrayContaining(['istio-proxy']),
        ]);
        expect(spec.initContainers?.map(({ name }) => name)).toEqual(['istio-init']);
      }
    }, 300_000);

    it('traffic comes in by the gateway, and is mTLS from there on', async () => {
      const { body } = await until('the storefront', () => clients.ask('outside', gatewayUrl), {
        holds: answered(200),
      });
      const storefront = JSON.parse(body) as ShopAnswer;
      const [catalog, reviews] = storefront.upstreams ?? [];
      const asked = identity('shop', 'storefront');
      expect([storefront.peer, catalog?.peer, reviews?.peer, catalog?.upstreams?.[0]?.peer]).toEqual([
        identity(systemNamespace, 'istio-ingressgateway'),
        asked,
        asked,
        identity('shop', 'catalog'),
      ]);
    });

    it('STRICT refuses plaintext from a pod without a proxy', async () => {
      const inside = await clients.ask('shop', 'http://stock.shop.svc:8080/');
      const outside = await clients.ask('outside', 'http://stock.shop.svc:8080/');
      expect([inside.status, outside.status, outside.error]).toEqual([
        200,
        0,
        expect.stringMatching(/ECONNRESET|socket hang up/),
      ]);
    });

    it('a Gateway with a Secret serves HTTPS', async () => {
      const ca = await createTestCa();
      const { key, cert } = await ca.issue({ dns: [host] });
      const secret = {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name: 'shop-cert', namespace: systemNamespace },
        stringData: { 'tls.key': key, 'tls.crt': cert },
      };
      const gateway = {
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'Gateway',
        metadata: { name: 'secure', namespace: 'shop' },
        spec: {
          selector: { istio: 'ingressgateway' },
          servers: [
            {
              port: { number: 443, name: 'https', protocol: 'HTTPS' },
              hosts: [host],
              tls: { mode: 'SIMPLE', credentialName: 'shop-cert' },
            },
          ],
        },
      };
      const routes = {
        apiVersion: 'networking.istio.io/v1beta1',
        kind: 'VirtualService',
        metadata: { name: 'secure', namespace: 'shop' },
        spec: {
          hosts: [host],
          gateways: ['secure'],
          http: [{ route: [{ destination: { host: 'stock', port: { number: 8080 } } }] }],
        },
      };
      await apply(cluster(), [secret, gateway, routes].map((object) => stringify(object)).join('---\n'));
      const { body } = await until(
        'HTTPS',
        () => clients.ask('outside', gatewayUrl.replace('http:', 'https:'), { host }),
        { holds: answered(200) },
      );
      expect(JSON.parse(body)).toMatchObject({ name: 'stock' });
    });
  });
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly containers: readonly { readonly name: string }[];
      readonly initContainers?: readonly { readonly name: string }[];
    };
  }[];
}
