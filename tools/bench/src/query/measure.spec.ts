import { describe, expect, it } from 'vitest';
import { defaultMesh } from '../bench-mesh.ts';
import { measureQueries } from './measure.ts';

/** 500 services, 100 sidecars in 10 namespaces: 50,300 answers. */
const [endpoint, route, service] = measureQueries({ mesh: defaultMesh, sidecars: 100, changes: 3 });

describe('queries that a change runs again, of all results that there are', () => {
  it('an endpoint: one load assignment for all', () => {
    expect(endpoint).toMatchObject({
      changed: 100,
      answers: 50_300,
      runs: {
        'load-assignment': 1,
        assignment: 1,
        endpoints: 1,
        'encoded-endpoints': 1,
        'endpoints-by-locality': 1,
      },
      ran: 8,
    });
    expect(endpoint?.results).toBeLessThan(16_000);
  });

  it('a VirtualService: its routes once, its virtual host for its own namespace and for others', () => {
    expect(route).toMatchObject({
      changed: 100,
      runs: {
        'virtual-service-resolved': 1,
        'virtual-service': 1,
        'virtual-service-routes': 1,
        'has-routes': 1,
        'virtual-host': 2,
        'sidecar-route-configuration': 10,
        'route-configuration': 10,
      },
      ran: 26,
    });
  });

  it('one more service: its own clusters, and what lists all services', () => {
    expect(service).toMatchObject({
      changed: 200,
      runs: { 'service-clusters': 1, 'outbound-cluster': 1, 'scope-owner': 1, 'sidecar-route-configuration': 10 },
    });
    expect(service?.runs).not.toHaveProperty('assignment');
    expect(service?.ran).toBeLessThan(125);
  });
});

describe('beside services that share less', () => {
  it('an endpoint and a route cost what they cost without them', () => {
    const small = { services: 40, endpoints: 2, namespaces: 4, everyRoute: 4 };
    const size = { sidecars: 20, changes: 2 };
    const [alone, beside] = [small, { ...small, kubernetes: { services: 20, pods: 2, headless: 1, dns: 1 } }].map(
      (mesh) => measureQueries({ mesh, ...size }),
    );
    const ranOf = (kind: string, results = beside): number | undefined =>
      results?.find((result) => result.kind === kind)?.ran;
    expect(ranOf('endpoint')).toBe(ranOf('endpoint', alone));
    expect(ranOf('route')).toBe(ranOf('route', alone));
  });
});
