import { createWorldStore, parseProxy } from '@flotilla/pilot-world';
import { Engine, Subject, type Budget, type EngineStats, type Signature } from '@flotilla/query';
import { expect, it } from 'vitest';
import { changeOf, meshConfig, serviceEntry } from './mesh.fixture.ts';
import { listKey, preparedLists, type ListKey } from './roots.ts';

const hosts = 200;
const ports = 20;
const node = parseProxy({
  id: 'sidecar~10.0.0.9~client.shop~shop.svc.cluster.local',
  metadata: { NAMESPACE: 'shop', CLUSTER_ID: 'Kubernetes', INSTANCE_IPS: '10.0.0.9' },
});
if (!node.ok) throw new Error(node.error);
const attributes = node.value as unknown as Record<string, unknown>;

/** Counts lookups of results: each asks whom it is for at least once if the result depends on that. */
class CountingSubject extends Subject {
  lookups = 0;

  override valuesOf(signature: Signature): string {
    this.lookups += 1;
    return super.valuesOf(signature);
  }
}

/** Prepares a list of a mesh of so many hosts and ports, in pieces. */
function prepare(
  list: ListKey,
  budget: Budget,
): {
  readonly pieces: number;
  readonly lookups: number;
  readonly runs: EngineStats['runs'];
} {
  const engine = new Engine(createWorldStore(), { freezesResults: false });
  const entry = serviceEntry('x', {
    hosts: Array.from({ length: hosts }, (_, i) => `h${i}.test`),
    ports: Array.from({ length: ports }, (_, i) => ({ number: 1 + i, name: `tcp-${i}`, protocol: 'TCP' })),
    resolution: 'STATIC',
    endpoints: [{ address: '10.9.0.1' }],
  });
  engine.apply([...meshConfig({}), ...changeOf(entry)]);
  const subject = new CountingSubject(attributes);
  let pieces = 1;
  for (; !engine.prepare(preparedLists, list, { subject, ...budget }); pieces += 1) engine.collect();
  return { pieces, lookups: subject.lookups, runs: engine.stats.runs };
}

it.each([
  ['of clusters', listKey({ kind: 'cds', place: 0 }), 'outbound-cluster'],
  ['of listeners', listKey({ kind: 'lds', place: 1 }), 'outbound-tcp-chains'],
])(
  'a piece of what a list %s takes does not look up again everything that the pieces before it have made',
  (_, list, query) => {
    const whole = prepare(list, { runs: Infinity });
    const inPieces = prepare(list, { runs: 20 });
    expect(inPieces.pieces).toBeGreaterThan((hosts * ports) / 20);
    expect(inPieces.runs.get(query)).toBe(hosts * ports);
    // There are 4,000, of which the pieces before an average one have made 2,000.
    expect((inPieces.lookups - whole.lookups) / inPieces.pieces).toBeLessThan(500);
  },
);

it('the addresses of a ServiceEntry add no clusters, and no chains of listeners unless they are ranges', () => {
  const engine = new Engine(createWorldStore());
  const entry = serviceEntry('x', {
    hosts: ['a.test', 'b.test'],
    addresses: ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.2.0.0/16', '10.3.0.0/16'],
    ports: [{ number: 90, name: 'tcp', protocol: 'TCP' }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.9.0.1' }],
  });
  engine.apply([...meshConfig({}), ...changeOf(entry)]);
  const subject = new Subject(attributes);
  expect(engine.read(preparedLists, listKey({ kind: 'cds', place: 0 }), subject)).toBe(2);
  engine.read(preparedLists, listKey({ kind: 'lds', place: 1 }), subject);
  // Of each host one for its addresses, and one for each range.
  expect(engine.stats.runs.get('outbound-tcp-chains')).toBe(2 * (1 + 2));
});
