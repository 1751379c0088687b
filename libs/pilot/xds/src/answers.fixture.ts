import { parseProxy, proxySubject, worldChanges, type ProxyAttributes } from '@flotilla/pilot-world';
import type { Change, Reader } from '@flotilla/query';
import { meshNames, meshNodes, type MeshChange } from '@flotilla/testing';
import { resourceKey, type XdsKind } from './finish/kinds.ts';
import type { Made } from './members.ts';
import { readOne } from './read.ts';
import { listsOf } from './roots.ts';

/** For specs: the proxies of a random mesh. */
export const meshProxies: readonly ProxyAttributes[] = meshNodes.map((node) => {
  const parsed = parseProxy(node);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
});

const textOf = (made: Made): string => (made ? `${made.name} ${made.version}` : 'nothing');
const attempt = (read: () => string): string => {
  try {
    return read();
  } catch (error) {
    return `failed: ${String(error)}`;
  }
};

/** All that a proxy is sent, by the labels that its workload has there: names with hashes, or failures. */
export function answersFor(reader: Reader, attributes: ProxyAttributes): readonly string[] {
  const subject = proxySubject(reader, attributes);
  const whole = (['cds', 'lds', 'nds'] as const).flatMap(listsOf).flatMap((source) => {
    if ('only' in source) return [];
    return reader
      .read(source.naming, source.key, subject)
      .members.map(({ query, key }) => attempt(() => textOf(reader.read(query, key, subject))));
  });
  const named = Object.entries(meshNames).flatMap(([kind, names]) =>
    names.map((name) => attempt(() => textOf(readOne(reader, resourceKey({ kind: kind as XdsKind, name }), subject)))),
  );
  return [...whole, ...named];
}

/** A step in the life of a random mesh, as changes of the World. */
export const changesOf = (step: readonly MeshChange[]): Change[] =>
  step.flatMap(({ collection, key, resource }) => worldChanges(collection, key, resource));
