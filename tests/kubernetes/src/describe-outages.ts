import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allRolledOut, apply, createClients, systemNamespace, type Clients } from './mesh.ts';
import type { TestCluster } from './test-cluster.ts';
import { until } from './until.ts';

const stock = 'http://stock.shop.svc:8080/';

/** Traffic is not affected while parts of the control plane are missing or replaced. */
export function describeOutages(cluster: () => TestCluster): void {
  describe('under traffic', () => {
    let clients: Clients;
    let tried = 0;
    beforeAll(() => {
      clients = createClients(cluster());
    });
    beforeEach(async () => {
      await until('traffic', () => clients.counts(), { holds: ({ requests }) => requests > 0 });
      await clients.reset();
    }, 90_000);

    /** Changes a header that the proxies add; its value is a number that only this change has. */
    async function change(): Promise<string> {
      const value = `change-${(tried += 1)}`;
      await apply(
        cluster(),
        `apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: { name: stock, namespace: shop }
spec:
  hosts: [stock]
  http:
  - headers: { response: { set: { x-change: ${value} } } }
    route: [{ destination: { host: stock, port: { number: 8080 } } }]
`,
      );
      return value;
    }
    const arrives = async (value: string): Promise<void> => {
      await until(`the change ${value}`, () => clients.ask('shop', stock), {
        holds: ({ headers }) => headers?.['x-change'] === value,
        seconds: 120,
      });
    };
    async function noFailures(): Promise<void> {
      const { requests, failures, lastFailures } = await clients.reset();
      const kinds = [...new Set(lastFailures.map(({ status, error }) => `${status}: ${error.slice(0, 400)}`))];
      expect({ failures, kinds }).toEqual({ failures: 0, kinds: [] });
      expect(requests).toBeGreaterThan(0);
    }

    it.each(['citadel', 'galley', 'pilot', 'sidecar-injector', 'nats', 'istio-ingressgateway'])(
      'all pods of %s are deleted, one after the other',
      async (app) => {
        const { kubectl } = cluster();
        const pods = await kubectl(['get', 'pods', '-n', systemNamespace, '-l', `app=${app}`, '-o', 'name']);
        for (const pod of pods.trim().split('\n')) {
          await kubectl(['delete', '-n', systemNamespace, pod, '--wait=false']);
          const value = await change();
          await allRolledOut(kubectl, systemNamespace);
          await arrives(value);
        }
        await noFailures();
      },
      240_000,
    );

    it('the API server is restarted', async ({ skip }) => {
      const { running } = cluster();
      if (!running) return skip();
      await running.stopApi();
      await running.startApi();
      await arrives(await change());
      await noFailures();
    }, 180_000);

    it('every Deployment is updated, one after the other', async () => {
      const { kubectl } = cluster();
      const names = await kubectl(['get', 'deployments,statefulsets', '-n', systemNamespace, '-o', 'name']);
      for (const name of names.trim().split('\n')) {
        await kubectl(['rollout', 'restart', name, '-n', systemNamespace]);
        const value = await change();
        await allRolledOut(kubectl, systemNamespace);
        await arrives(value);
      }
      await noFailures();
    }, 300_000);

    it('the applications are updated', async () => {
      const { kubectl } = cluster();
      for (const name of ['storefront-v1', 'catalog-v1', 'stock-v1', 'reviews-v1', 'reviews-v2'])
        await kubectl(['rollout', 'restart', `deployment/${name}`, '-n', 'shop']);
      await allRolledOut(kubectl, 'shop');
      await noFailures();
    }, 300_000);
  });
}
