import { typeUrls } from '@flotilla/pilot-xds';
import { encode, envoy } from '@flotilla/proto-gen/envoy';
import { describe, expect, it } from 'vitest';
import { Held } from './held.ts';
import { nodeOf } from './options.ts';
import { jsonOf, Printer } from './print.ts';

const { Cluster } = envoy.config.cluster.v3;
const { Listener } = envoy.config.listener.v3;
const cluster = (name: string, altStatName = '') => ({
  name,
  version: altStatName || '1',
  bytes: encode(Cluster, { name, altStatName }),
});
const options = { as: 'sleep.shop', pilot: '127.0.0.6:15010', all: false, diff: true, show: undefined };
const now = new Date('2026-01-02T03:04:05.678Z');

/** A proxy that has received clusters and no listeners. */
function received(names: readonly string[], given = options) {
  const held = new Held();
  const printer = new Printer(given, { held, now: () => now });
  const take = (typeUrl: string, resources: Parameters<Held['take']>[0]['resources'], removed: string[] = []) =>
    printer.linesOf({ kind: 'changed', changes: held.take({ typeUrl, resources, removed }) });
  take(
    typeUrls.cds,
    names.map((name) => cluster(name)),
  );
  return {
    held,
    take,
    first: take(typeUrls.lds, [{ name: 'l', version: '1', bytes: encode(Listener, { name: 'l' }) }]),
  };
}

describe('what the proxy of developers prints', () => {
  it('is everything once it has arrived', () => {
    expect(received(['b', 'a']).first).toEqual([
      'clusters: 2',
      '    a',
      '    b',
      'endpoints: 0',
      'listeners: 1',
      '    l',
      'routes: 0',
    ]);
  });

  it('is at most 40 names of a type, unless all are wanted', () => {
    const names = Array.from({ length: 50 }, (_, i) => `cluster-${i}`);
    expect(received(names).first).toContain('    ... and 10 more, see --all');
    expect(received(names, { ...options, all: true }).first).toContain('    cluster-49');
  });

  it('then is what changes, with the lines that differ', () => {
    const { take } = received(['a', 'b']);
    expect(take(typeUrls.cds, [cluster('a', 'x'), cluster('c')], ['b'])).toEqual([
      '03:04:05.678 ~ clusters a',
      '    @@ -1,3 +1,4 @@',
      '     {',
      '    -  "name": "a"',
      '    +  "name": "a",',
      '    +  "altStatName": "x"',
      '     }',
      '03:04:05.678 + clusters c',
      '03:04:05.678 - clusters b',
    ]);
  });

  it('is the JSON of what is to be shown', () => {
    const { first } = received(['a', 'b'], { ...options, show: 'a' as never });
    expect(first.slice(-2)).toEqual(['clusters a', '{\n  "name": "a"\n}']);
  });

  it('is one object a line for programs', () => {
    const held = new Held();
    const changes = held.take({ typeUrl: typeUrls.cds, resources: [cluster('a')], removed: [] });
    expect(JSON.parse(jsonOf({ kind: 'changed', changes }, now))).toEqual({
      at: now.toISOString(),
      kind: 'changed',
      changes: [{ type: typeUrls.cds, name: 'a', after: { name: 'a' } }],
    });
  });
});

describe('nodeOf', () => {
  const given = {
    ...options,
    type: 'sidecar',
    ip: '10.0.0.1',
    label: ['app=sleep'],
    once: false,
    wait: 1,
    json: false,
  } as const;

  it('is a node as pilot knows it', () => {
    expect(nodeOf(given)).toMatchObject({
      id: 'sidecar~10.0.0.1~sleep.shop~shop.svc.cluster.local',
      metadata: { NAMESPACE: 'shop', LABELS: { app: 'sleep' } },
    });
  });

  it.each([
    [{ as: 'sleep' }, '--as sleep is not NAME.NAMESPACE, such as sleep.shop'],
    [{ as: 'a.b.c' }, '--as a.b.c is not NAME.NAMESPACE, such as sleep.shop'],
    [{ label: ['app'] }, '--label app is not NAME=VALUE'],
  ])('refuses %o', (wrong, message) => {
    expect(() => nodeOf({ ...given, ...wrong })).toThrow(message);
  });
});
