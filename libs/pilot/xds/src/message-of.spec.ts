import { joined } from '@flotilla/std';
import { describe, expect, it } from 'vitest';
import { resourcePatches } from '@flotilla/pilot-world';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import { goldenInputs } from '@flotilla/testing';
import { encodeMessage } from './finish/encode-message.ts';
import { resourceKey, typeUrls, type XdsKind } from './finish/kinds.ts';
import { messagesOf } from './finish/messages.ts';
import type { Patch } from './finish/patches.ts';
import { meshOf } from './golden.fixture.ts';
import { messageOf } from './message-of.ts';
import { readAll, readOne } from './read.ts';
import type { XdsResource } from './resource.ts';

/** The values of a field anywhere in a message's JSON. */
function valuesOf(field: string, json: Json): Json[] {
  if (typeof json !== 'object' || json === null) return [];
  const own = Object.hasOwn(json, field) ? [(json as { [key: string]: Json })[field] ?? null] : [];
  return [...own, ...Object.values(json).flatMap((item) => valuesOf(field, item))];
}

type Found = readonly [kind: XdsKind, resource: XdsResource];

/** Every resource that a proxy is sent: all of the types that it takes whole, and what these refer to. */
function everything({ engine, proxy }: Pick<ReturnType<typeof meshOf>, 'engine' | 'proxy'>): Found[] {
  const whole = (['cds', 'lds', 'nds'] as const).flatMap((kind) =>
    readAll(engine, kind, proxy).map((resource): Found => [kind, resource]),
  );
  const references = whole.map(([kind, { bytes }]) => toJson(typeUrls[kind], bytes));
  const named = (kind: XdsKind, field: string): Found[] =>
    [...new Set(valuesOf(field, references).map(String))].flatMap((name): Found[] => {
      const resource = readOne(engine, resourceKey({ kind, name }), proxy);
      return resource ? [[kind, resource]] : [];
    });
  return [...whole, ...named('eds', 'serviceName'), ...named('rds', 'routeConfigName'), ...named('sds', 'name')];
}

describe('the message of a resource, made again', () => {
  const kinds = new Set<XdsKind>();

  it.each(goldenInputs(import.meta.dirname))('has the same bytes: all that $input asks for', ({ documents }) => {
    const { engine, proxy } = meshOf(documents);
    const resources = everything({ engine, proxy });
    expect(resources.length).toBeGreaterThan(0);
    const { entries } = engine.stats;
    for (const [kind, { name, bytes }] of resources) {
      const message = messageOf(engine, { kind, name }, proxy);
      expect(message, `${kind} ${name}`).toBeDefined();
      expect(Buffer.compare(encodeMessage(kind, message ?? {}), joined(bytes)), `${kind} ${name}`).toBe(0);
      kinds.add(kind);
    }
    expect(engine.stats.entries).toBe(entries);
  });

  it('was looked at for every type that is served', () => {
    expect([...kinds].sort()).toEqual(['cds', 'eds', 'lds', 'nds', 'rds', 'sds']);
  });

  it('is that of each resource of a type, from one fork', () => {
    for (const { documents } of goldenInputs(import.meta.dirname).slice(0, 10)) {
      const { engine, proxy } = meshOf(documents);
      const messages = messagesOf(engine, { kind: 'lds' }, (fork) => readAll(fork, 'lds', proxy));
      const resources = readAll(engine, 'lds', proxy);
      expect(resources.map(({ version }) => messages.get(version)?.name)).toEqual(resources.map(({ name }) => name));
    }
  });

  it('is what was encoded, after patches', () => {
    const { engine, proxy } = meshOf(goldenInputs(import.meta.dirname)[0]?.documents ?? []);
    const patch: Patch<'lds'> = {
      kind: 'lds',
      priority: 0,
      concerns: () => true,
      apply: (listener) => ({ ...listener, statPrefix: 'patched' }),
    };
    engine.apply([{ collection: resourcePatches, key: 'patch', value: patch }]);
    const names = readAll(engine, 'lds', proxy).map(({ name }) => name);
    expect(names).not.toEqual([]);
    for (const name of names)
      expect(messageOf(engine, { kind: 'lds', name }, proxy)).toMatchObject({ statPrefix: 'patched' });
  });

  it('is undefined for what the proxy is not sent', () => {
    const { engine, proxy } = meshOf(goldenInputs(import.meta.dirname)[0]?.documents ?? []);
    expect(messageOf(engine, { kind: 'cds', name: 'nothing' }, proxy)).toBeUndefined();
    expect(messageOf(engine, { kind: 'rds', name: 'nothing' }, proxy)).toBeUndefined();
  });
});
