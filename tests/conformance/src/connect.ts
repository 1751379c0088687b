import { credentialReaders, parseProxy, proofOf, proxySubject, workload } from '@flotilla/pilot-world';
import { listOfOne, listsOf, readAll, resourceKey, typeUrls, type Made } from '@flotilla/pilot-xds';
import { toJson } from '@flotilla/proto-gen/json';
import { ListWatch, Subject, type Engine, type ListSource } from '@flotilla/query';
import type { ScenarioProxy } from '@flotilla/tool-parity';
import { endpointNames, routeNames } from '@flotilla/tool-proxy';

/**
 * Watches everything that a proxy of the scenario asks for, as pilot does while it is connected: by default what it is
 * sent refers to.
 */
export function connect(
  engine: Engine,
  proxy: ScenarioProxy,
  asked?: readonly ListSource<Made>[],
): { readonly asked: readonly ListSource<Made>[]; readonly lists: readonly ListWatch[] } {
  // Every gateway of a scenario may have credentials.
  engine.apply([{ collection: credentialReaders, key: proxy.account, value: true }]);
  const proof = proofOf(proxy.identity);
  const parsed = proof.ok ? parseProxy(proxy.node, proof.value) : proof;
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  const subject = proxySubject(engine, parsed.value);
  const sources = asked ?? referencesOf(engine, subject);
  return { asked: sources, lists: sources.map((source) => new ListWatch(engine, source, subject)) };
}

function referencesOf(engine: Engine, subject: Subject): readonly ListSource<Made>[] {
  const [cds, lds] = (['cds', 'lds'] as const).map((kind) =>
    readAll(engine, kind, subject).map(({ bytes }) => toJson(typeUrls[kind], bytes)),
  );
  return [
    ...(['cds', 'lds', 'nds'] as const).flatMap((kind) => listsOf(kind)),
    ...endpointNames(cds ?? []).map((name) => listOfOne(resourceKey({ kind: 'eds', name }))),
    ...routeNames(lds ?? []).map((name) => listOfOne(resourceKey({ kind: 'rds', name }))),
    ...secretNames([cds, lds]).map((name) => listOfOne(resourceKey({ kind: 'sds', name }))),
  ];
}

/** Names of Secrets anywhere in messages. */
const secretNames = (messages: unknown): readonly string[] => [
  ...new Set(JSON.stringify(messages).match(/kubernetes(-gateway)?:\/\/[^"]+/g) ?? []),
];
