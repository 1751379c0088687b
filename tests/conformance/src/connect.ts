import { parseProxy, proofOf, proxySubject, workload } from '@flotilla/pilot-world';
import { listOfOne, listsOf, readAll, resourceKey, typeUrls } from '@flotilla/pilot-xds';
import { toJson } from '@flotilla/proto-gen/json';
import { ListWatch, Subject, type Engine } from '@flotilla/query';
import { endpointNames, routeNames, type ScenarioProxy } from '@flotilla/tool-parity';

/** Watches all that a proxy of the scenario asks for, as pilot does while it is connected. */
export function connect(engine: Engine, proxy: ScenarioProxy): readonly ListWatch[] {
  const proof = proofOf(proxy.identity, new Set([proxy.account]));
  const parsed = proof.ok ? parseProxy(proxy.node, proof.value) : proof;
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  const subject = proxySubject(engine, parsed.value);
  const [cds, lds] = (['cds', 'lds'] as const).map((kind) =>
    readAll(engine, kind, subject).map(({ bytes }) => toJson(typeUrls[kind], bytes)),
  );
  return [
    ...(['cds', 'lds', 'nds'] as const).flatMap((kind) => listsOf(kind)),
    ...endpointNames(cds ?? []).map((name) => listOfOne(resourceKey({ kind: 'eds', name }))),
    ...routeNames(lds ?? []).map((name) => listOfOne(resourceKey({ kind: 'rds', name }))),
  ].map((source) => new ListWatch(engine, source, subject));
}
