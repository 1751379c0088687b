import { describe, expect, it } from 'vitest';
import { ask, destinationRule, peerAuthentication, service, serviceEntry } from '../mesh.fixture.ts';

const host = 'db.test';
const entry = (spec: object = {}): ReturnType<typeof serviceEntry> =>
  serviceEntry('db', {
    hosts: [host],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    resolution: 'DNS',
    location: 'MESH_INTERNAL',
    endpoints: [{ address: 'a.db.test', labels: { version: 'v1' } }],
    ...spec,
  });
const rule = (spec: object): ReturnType<typeof destinationRule> => destinationRule('db', { host, ...spec });

describe('outbound clusters', () => {
  it('of an ExternalName lead to that name at each port, with the labels of the Service', () => {
    const name = 'outbound|443||ext.shop.svc.cluster.local';
    const mesh = ask([
      service(
        'ext',
        {
          type: 'ExternalName',
          externalName: 'api.example.com',
          ports: [
            { name: 'https', port: 443 },
            { name: 'dns', port: 53, protocol: 'UDP' },
          ],
        },
        { labels: { app: 'ext' } },
      ),
    ]);
    const cluster = mesh.named('cds', name);
    expect(cluster).toMatchObject({
      type: 'STRICT_DNS',
      loadAssignment: {
        clusterName: name,
        endpoints: [
          {
            lbEndpoints: [
              {
                endpoint: { address: { socketAddress: { address: 'api.example.com', portValue: 443 } } },
                metadata: { filterMetadata: { istio: { workload: ';;ext;;' } } },
              },
            ],
          },
        ],
      },
    });
    expect(cluster.transportSocketMatches).toBeUndefined();
    expect(mesh.names('cds')).not.toContain('outbound|53||ext.shop.svc.cluster.local');
    expect(mesh.named('lds', '0.0.0.0_443').filterChains[0].filterChainMatch).toEqual({
      serverNames: ['ext.shop.svc.cluster.local'],
    });
  });

  it('that pass through lose the endpoints that DNS would find, and keep how it would', () => {
    const cluster = ask([entry(), rule({ trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } })]).named(
      'cds',
      `outbound|80||${host}`,
    );
    expect(cluster).toMatchObject({
      type: 'ORIGINAL_DST',
      lbPolicy: 'CLUSTER_PROVIDED',
      dnsLookupFamily: 'V4_ONLY',
      respectDnsTtl: true,
    });
    expect(cluster.loadAssignment).toBeUndefined();
  });

  it('of a proxy with certificates of its own use them for MUTUAL too', () => {
    const metadata = {
      TLS_CLIENT_CERT_CHAIN: '/own/cert',
      TLS_CLIENT_KEY: '/own/key',
      TLS_CLIENT_ROOT_CERT: '/own/root',
    };
    const tls = { mode: 'MUTUAL', clientCertificate: '/rule/cert', privateKey: '/rule/key', sni: 'db' };
    const { transportSocket } = ask([entry(), rule({ trafficPolicy: { tls } })], { metadata }).named(
      'cds',
      `outbound|80||${host}`,
    );
    expect(transportSocket.typedConfig).toMatchObject({
      sni: 'db',
      commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: 'file-cert:/own/cert~/own/key' }] },
    });
  });

  it('resolved by DNS have no priorities by labels, and by place only where the rule says so', () => {
    const two = entry({
      endpoints: [
        { address: 'a.db.test', locality: 'r1/z1' },
        { address: 'b.db.test', locality: 'r2/z2' },
      ],
    });
    const priorities = (localityLbSetting: object): unknown[] =>
      ask([two, rule({ trafficPolicy: { outlierDetection: {}, loadBalancer: { localityLbSetting } } })], {
        locality: { region: 'r1', zone: 'z1' },
      })
        .named('cds', `outbound|80||${host}`)
        .loadAssignment.endpoints.map(({ priority }: { priority?: number }) => priority ?? 0);
    expect(priorities({})).toEqual([0, 1]);
    expect(priorities({ failoverPriority: ['version'] })).toEqual([0, 0]);
    expect(priorities({ failoverPriority: ['version'], failover: [{ from: 'r1', to: 'r2' }] })).toEqual([0, 1]);
  });

  it('that pass through speak mTLS where all endpoints have a sidecar, whatever their policies', () => {
    const passing = rule({ trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } });
    const off = peerAuthentication('off', { selector: { matchLabels: { app: 'db' } }, mtls: { mode: 'DISABLE' } });
    const socket = (...labels: object[]): unknown =>
      ask([
        entry({ resolution: 'STATIC', endpoints: labels.map((of, i) => ({ address: `10.0.0.${i + 1}`, labels: of })) }),
        passing,
        off,
      ]).named('cds', `outbound|80||${host}`).transportSocket?.name;
    const meshed = { app: 'db', 'security.istio.io/tlsMode': 'istio' };
    expect(socket(meshed, meshed)).toBe('envoy.transport_sockets.tls');
    expect(socket(meshed, { app: 'db' })).toBeUndefined();
    expect(socket()).toBeUndefined();
  });
});
