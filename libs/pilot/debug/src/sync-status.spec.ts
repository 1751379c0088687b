import { typeUrls } from '@flotilla/pilot-xds';
import { describe, expect, it } from 'vitest';
import type { ConnectedProxy } from './connected-proxy.ts';
import { LastDeliveries } from './deliveries.ts';
import { syncStatus } from './sync-status.ts';

const send = (typeUrl: string, nonce: string) =>
  ({ kind: 'send', typeUrl, nonce, version: `v-${nonce}`, resources: [], removed: [], isWhole: true }) as const;

function proxyOf(id: string, last: LastDeliveries): ConnectedProxy {
  return {
    id,
    clusterId: 'Kubernetes',
    type: 'sidecar',
    last: (kind) => last.get(typeUrls[kind]),
    resources: () => [],
  };
}

describe('syncStatus', () => {
  it('has the nonce that was last sent and the one that was last acknowledged, by type', () => {
    const last = new LastDeliveries();
    last.note(send(typeUrls.cds, 'n1'));
    last.note({ kind: 'acked', typeUrl: typeUrls.cds, nonce: 'n1' });
    last.note(send(typeUrls.cds, 'n2'));
    last.note({ kind: 'rejected', typeUrl: typeUrls.cds, nonce: 'n2', error: 'odd' });
    last.note(send(typeUrls.rds, 'n3'));
    expect(syncStatus([proxyOf('b.shop', last), proxyOf('a.shop', new LastDeliveries())])).toEqual([
      { cluster_id: 'Kubernetes', proxy: 'a.shop', proxy_type: 'sidecar' },
      {
        cluster_id: 'Kubernetes',
        proxy: 'b.shop',
        proxy_type: 'sidecar',
        cluster_sent: 'n2',
        cluster_acked: 'n1',
        route_sent: 'n3',
      },
    ]);
    expect(last.get(typeUrls.cds).version).toBe('v-n2');
  });
});
