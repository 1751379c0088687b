import { beforeAll, describe, expect, it } from 'vitest';
import { apply, createClients, gatewayUrl, remove } from './mesh.ts';
import type { Answer, Clients, Place, ShopAnswer } from './mesh.ts';
import type { TestCluster } from './test-cluster.ts';
import { until } from './until.ts';

const reviews = 'http://reviews.shop.svc:8080/';
const stock = 'http://stock.shop.svc:8080/';
const named = (kind: string, name: string, spec: string): string => {
  const group = ['AuthorizationPolicy', 'PeerAuthentication'].includes(kind) ? 'security' : 'networking';
  const version = kind === 'Telemetry' ? 'telemetry.istio.io/v1alpha1' : `${group}.istio.io/v1beta1`;
  return `apiVersion: ${version}\nkind: ${kind}\nmetadata: { name: ${name}, namespace: shop }\nspec: ${spec}\n`;
};

/** Each kind takes effect on traffic when it is applied with kubectl, and loses its effect when it is deleted. */
export function describeConfiguration(cluster: () => TestCluster): void {
  describe('configuration applied with kubectl', () => {
    let clients: Clients;
    beforeAll(() => {
      clients = createClients(cluster());
    });
    /** Resolves when a request gets such an answer. */
    const becomes = (place: Place, url: string, holds: (answer: Answer) => boolean): Promise<Answer> =>
      until(`the answer of ${url}`, () => clients.ask(place, url), { holds });
    const versionOf = ({ body }: Answer): string => (JSON.parse(body) as ShopAnswer).version;
    async function inForce(yaml: string, check: () => Promise<void>): Promise<void> {
      await apply(cluster(), yaml);
      await check();
      await remove(cluster(), yaml);
    }
    /** The versions of reviews that many requests reach. */
    async function versions(): Promise<ReadonlySet<string>> {
      const answers = await Promise.all(Array.from({ length: 20 }, () => clients.ask('shop', reviews)));
      return new Set(answers.map(versionOf));
    }

    it('VirtualService and DestinationRule: all requests go to one subset', async () => {
      expect(await versions()).toEqual(new Set(['v1', 'v2']));
      const route = named(
        'VirtualService',
        'reviews',
        '{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v2 } }] }] }',
      );
      await inForce(route, async () => {
        await until('one subset', versions, { holds: (found) => found.size === 1 && found.has('v2') });
      });
      await until('both subsets', versions, { holds: (found) => found.size === 2 });
    });

    it('VirtualService: a fault', async () => {
      const fault = '{ abort: { percentage: { value: 100 }, httpStatus: 418 } }';
      const routes = `{ hosts: [stock], http: [{ fault: ${fault}, route: [{ destination: { host: stock } }] }] }`;
      await inForce(named('VirtualService', 'stock', routes), async () => {
        await becomes('shop', stock, ({ status }) => status === 418);
      });
      await becomes('shop', stock, ({ status }) => status === 200);
    });

    it('AuthorizationPolicy: only the gateway may talk to the storefront', async () => {
      const principal = 'cluster.local/ns/istio-system/sa/istio-ingressgateway';
      const rules = `[{ from: [{ source: { principals: [${principal}] } }] }]`;
      const spec = `{ selector: { matchLabels: { app: storefront } }, rules: ${rules} }`;
      const storefront = 'http://storefront.shop.svc:8080/';
      await inForce(named('AuthorizationPolicy', 'storefront', spec), async () => {
        await becomes('shop', storefront, ({ status }) => status === 403);
        expect((await clients.ask('outside', gatewayUrl)).status).toBe(200);
      });
      await becomes('shop', storefront, ({ status }) => status === 200);
    });

    it('PeerAuthentication: PERMISSIVE lets plaintext in', async () => {
      const spec = '{ selector: { matchLabels: { app: stock } }, mtls: { mode: PERMISSIVE } }';
      await inForce(named('PeerAuthentication', 'stock', spec), async () => {
        await becomes('outside', stock, ({ status }) => status === 200);
      });
      await becomes('outside', stock, ({ status }) => status === 0);
    });

    it('ServiceEntry: a host of its own for a server outside the mesh', async () => {
      const spec = `{ hosts: [echo.example.com], resolution: DNS, location: MESH_EXTERNAL,
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }],
  endpoints: [{ address: echo.outside.svc.cluster.local }] }`;
      // The address is the gateway's: the proxy goes by the host.
      const ask = () => clients.ask('shop', gatewayUrl, { host: 'echo.example.com' });
      const isEcho = ({ body }: Answer): boolean => body.includes('"container":"echo"');
      await inForce(named('ServiceEntry', 'echo', spec), async () => {
        await until('the external host', ask, { holds: isEcho });
      });
      await until('no external host', ask, { holds: (answer) => !isEcho(answer) });
    });

    it('Sidecar: what is not imported can not be reached', async () => {
      const spec = `{ workloadSelector: { labels: { app: client } }, outboundTrafficPolicy: { mode: REGISTRY_ONLY },
  egress: [{ hosts: ["./stock.shop.svc.cluster.local"] }] }`;
      await inForce(named('Sidecar', 'client', spec), async () => {
        await becomes('shop', reviews, ({ status }) => status === 502);
        expect((await clients.ask('shop', stock)).status).toBe(200);
      });
      await becomes('shop', reviews, ({ status }) => status === 200);
    });

    it('Telemetry: access logs of one workload', async () => {
      const spec = '{ selector: { matchLabels: { app: stock } }, accessLogging: [{ providers: [{ name: envoy }] }] }';
      const path = `telemetry-${Date.now()}`;
      const logs = async (): Promise<string> => {
        await clients.ask('shop', `${stock}${path}`);
        return cluster().kubectl(['logs', '-n', 'shop', 'deployment/stock-v1', '-c', 'istio-proxy', '--tail=50']);
      };
      expect(await logs()).not.toContain(path);
      await inForce(named('Telemetry', 'stock', spec), async () => {
        await until('a line of the access log', logs, { holds: (text) => text.includes(path) });
      });
    });
  });
}
