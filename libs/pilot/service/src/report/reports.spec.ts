import { describe, expect, it } from 'vitest';
import { answerToBytes } from '@flotilla/bus-port';
import { objectKey, type AnyResource, type Batch } from '@flotilla/model';
import type { Engine } from '@flotilla/query';
import { createManualClock } from '@flotilla/testing';
import { createReports } from './reports.ts';
import { typeUrls } from '@flotilla/pilot-xds';

const gateway = (name: string): AnyResource =>
  ({ collection: 'gateways', meta: { namespace: 'shop', name, cluster: 'Kubernetes' }, spec: {} }) as AnyResource;

const batch = (names: readonly string[], seq: number): Batch => ({
  session: 's',
  seq,
  put: names.map((name) => ({ resource: gateway(name), version: String(seq) })),
  delete: [],
  complete: [],
});
const objects = Array.from({ length: 20 }, (_, i) => `gateway-${i}`);

/** Reports over an engine in which no result reads anything; `looked` are the objects that were looked at. */
function rig() {
  const clock = createManualClock();
  const looked: string[] = [];
  const engine: Pick<Engine, 'readersOf'> = {
    readersOf: (cells) => {
      const [name] = [...cells].flatMap((cell) => ('key' in cell && typeof cell.key !== 'string' ? [cell.key] : []));
      looked.push(String(name));
      return { results: new Set(), hubs: [] };
    },
  };
  const reports = createReports({
    engine: engine as Engine,
    holdersOf: () => undefined,
    connected: () => [],
    sender: { report: () => Promise.resolve(answerToBytes({ kind: 'taken' })) },
    instance: 'pilot-1',
    clock,
    signal: new AbortController().signal,
    onProblem: () => {},
  });
  const change = (names: readonly string[], seq: number): void => {
    reports.begin(batch(names, seq));
    reports.settled();
  };
  /** A proxy connects: it is sent a type, and acknowledges it. */
  const connect = (nonce: string): void => {
    const proxy = reports.open();
    const sent = { typeUrl: typeUrls.cds, nonce, version: nonce, resources: [], removed: [], isWhole: true } as const;
    proxy.note({ kind: 'send', ...sent });
    proxy.note({ kind: 'acked', typeUrl: typeUrls.cds, nonce });
  };
  change(objects, 1);
  clock.advance(1000);
  expect(looked.splice(0).sort()).toEqual(objects.map(textOf).sort());
  return { clock, looked, change, connect };
}
const textOf = (name: string): string => String(objectKey({ namespace: 'shop', name, cluster: 'Kubernetes' }));

describe('reports', () => {
  it('look at all objects once when proxies have connected, however many did', () => {
    const { clock, looked, connect } = rig();
    for (let i = 0; i < 50; i += 1) {
      connect(`n${i}`);
      clock.advance(20);
    }
    expect(looked).toEqual([]);
    clock.advance(1000);
    expect(looked.sort()).toEqual(objects.map(textOf).sort());
  });

  it('look at all objects every two seconds while proxies go on connecting', () => {
    const { clock, looked, connect } = rig();
    for (let i = 0; i < 100; i += 1) {
      connect(`n${i}`);
      clock.advance(100);
    }
    clock.advance(1000);
    expect(looked).toHaveLength(5 * objects.length);
  });

  it('look at an object that changes at once, whoever connects', () => {
    const { clock, looked, connect, change } = rig();
    connect('n1');
    change(['gateway-7'], 2);
    clock.advance(60);
    expect(looked).toEqual([textOf('gateway-7')]);
  });
});
