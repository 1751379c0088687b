import { chunksOf, hashBytes, joined } from '@flotilla/std';
import { Engine, Subject } from '@flotilla/query';
import { createWorldStore, parseProxy } from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { describe, expect, it } from 'vitest';
import { resourceKey } from '../finish/kinds.ts';
import { changeOf, destinationRule, meshConfig, object, serviceEntry, type Plain } from '../mesh.fixture.ts';
import { readOne } from '../read.ts';
import type { XdsResource } from '../resource.ts';

const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
const pod = (name: string, podIP: string): Plain =>
  object('v1 Pod', name, {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [] },
    status: { podIP, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
const pods = [pod('p1', '10.1.0.1'), pod('p2', '10.1.0.2')];
const selecting = { ports, resolution: 'STATIC', workloadSelector: { labels: { app: 'web' } } };

function meshOf(...objects: readonly Plain[]) {
  const engine = new Engine(createWorldStore());
  engine.apply([...meshConfig({}), ...objects.flatMap(changeOf)]);
  const proxy = parseProxy({ id: 'sidecar~10.0.0.9~client.shop~shop.svc.cluster.local' });
  if (!proxy.ok) throw new Error(proxy.error);
  const subject = new Subject({ ...proxy.value });
  const assignment = (host: string): XdsResource => {
    const found = readOne(engine, resourceKey({ kind: 'eds', name: `outbound|80||${host}` }), subject);
    if (!found) throw new Error(`no endpoints of ${host}`);
    return found;
  };
  const addresses = (host: string): unknown =>
    envoy.config.endpoint.v3.ClusterLoadAssignment.decode(joined(assignment(host).bytes)).endpoints.flatMap(
      ({ lbEndpoints = [] }) => (lbEndpoints ?? []).map(({ endpoint }) => endpoint?.address?.socketAddress?.address),
    );
  /** The chunk with a host's endpoints. */
  const endpoints = (host: string): unknown => chunksOf(assignment(host).bytes)[1];
  return { engine, assignment, addresses, endpoints };
}

describe('endpoints are the same bytes', () => {
  it('for all hosts of a ServiceEntry, each of which has its own name', () => {
    const { assignment, addresses, endpoints } = meshOf(
      ...pods,
      serviceEntry('x', { ...selecting, hosts: ['a.test', 'b.test'] }),
    );
    expect([addresses('a.test'), addresses('b.test')]).toEqual([
      ['10.1.0.1', '10.1.0.2'],
      ['10.1.0.1', '10.1.0.2'],
    ]);
    expect(endpoints('a.test')).toBe(endpoints('b.test'));
    const { version, bytes } = assignment('b.test');
    expect(version).toBe(hashBytes(joined(bytes)));
    expect(version).not.toBe(assignment('a.test').version);
  });

  it('also when one of them changes', () => {
    const { engine, addresses, endpoints } = meshOf(
      ...pods,
      serviceEntry('x', { ...selecting, hosts: ['a.test', 'b.test'] }),
    );
    endpoints('a.test');
    engine.apply(changeOf(pod('p2', '10.1.0.3')));
    expect(addresses('b.test')).toEqual(['10.1.0.1', '10.1.0.3']);
    expect(endpoints('a.test')).toBe(endpoints('b.test'));
  });

  it('but not where another ServiceEntry has the host too, or a rule says something of it', () => {
    const { addresses, endpoints } = meshOf(
      ...pods,
      serviceEntry('x', { ...selecting, hosts: ['a.test', 'b.test', 'c.test'] }),
      serviceEntry('y', { ports, resolution: 'STATIC', hosts: ['b.test'], endpoints: [{ address: '10.2.0.1' }] }),
      destinationRule('c', { host: 'c.test', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } }),
    );
    expect(addresses('a.test')).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(addresses('b.test')).toEqual(['10.1.0.1', '10.1.0.2', '10.2.0.1']);
    expect(endpoints('c.test')).not.toBe(endpoints('a.test'));
  });
});
