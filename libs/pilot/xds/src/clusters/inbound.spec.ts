import { describe, expect, it } from 'vitest';
import { ask, destinationRule, object, service, sidecar } from '../mesh.fixture.ts';

const app = { app: 'a' };
const host = 'a.shop.svc.cluster.local';
const pod = object('v1 Pod', 'client', {
  metadata: { labels: app },
  spec: { containers: [] },
  status: { podIP: '10.0.0.9', phase: 'Running' },
});
const web = service('a', {
  clusterIP: '10.8.0.1',
  selector: app,
  ports: [{ name: 'http', port: 80, targetPort: 8080 }],
});
const limited = destinationRule('a', { host, trafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } } } });
const limitOf = (mesh: ReturnType<typeof ask>): unknown =>
  mesh.named('cds', 'inbound|8080||').circuitBreakers.thresholds[0].maxConnections;

const ingress = (defaultEndpoint: string, rest: object = {}): ReturnType<typeof sidecar> =>
  sidecar('a', {
    workloadSelector: { labels: app },
    ingress: [{ port: { number: 8080, name: 'http', protocol: 'HTTP' }, defaultEndpoint }],
    ...rest,
  });

describe('inbound clusters', () => {
  it("have the limits of their service's rule, if the proxy sees that service, as have those of a Sidecar's listener at its port", () => {
    expect(limitOf(ask([pod, web, limited], { labels: app }))).toBe(3);
    expect(limitOf(ask([pod, web, limited, ingress('127.0.0.1:1')], { labels: app }))).toBe(3);
    const elsewhere = { egress: [{ hosts: ['bank/*'] }] };
    expect(limitOf(ask([pod, web, limited, sidecar('a', elsewhere)], { labels: app }))).toBe(2 ** 32 - 1);
    expect(limitOf(ask([pod, web, limited, ingress('127.0.0.1:1', elsewhere)], { labels: app }))).toBe(2 ** 32 - 1);
  });

  it.each<[string, string, string | undefined]>([
    ['10.0.0.9', '0.0.0.0:81', '10.0.0.9'],
    ['10.0.0.9', '[::]:81', '::1'],
    ['10.0.0.9', '[::1]:81', '127.0.0.1'],
    ['2001:db8::9', '0.0.0.0:81', '127.0.0.1'],
    ['2001:db8::9', '127.0.0.1:81', '::1'],
    ['2001:db8::9,10.0.0.9', '0.0.0.0:81', '10.0.0.9'],
    ['10.0.0.9', '192.0.2.1:81', undefined],
  ])("of a Sidecar's listener of %s lead for %s to %s", (ip, defaultEndpoint, address) => {
    const cluster = ask([pod, web, ingress(defaultEndpoint)], { labels: app, ip }).named('cds', 'inbound|8080||');
    expect(cluster.loadAssignment?.endpoints[0].lbEndpoints[0].endpoint.address.socketAddress).toEqual(
      address === undefined ? undefined : { address, portValue: 81 },
    );
    expect(cluster.type).toBe(address === undefined ? 'ORIGINAL_DST' : 'STATIC');
  });
});
