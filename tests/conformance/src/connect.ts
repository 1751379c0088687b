import { parseProxy, proofOf, proxySubject, workload } from '@flotilla/pilot-world';
import { allOf, oneOf, resourceKey, typeUrls } from '@flotilla/pilot-xds';
import { toJson } from '@flotilla/proto-gen/json';
import { Subject, type Engine } from '@flotilla/query';
import { endpointNames, routeNames, type ScenarioProxy } from '@flotilla/tool-parity';

/** Watches all that a proxy of the scenario asks for, as pilot does while it is connected. */
export function connect(engine: Engine, proxy: ScenarioProxy): void {
  const proof = proofOf(proxy.identity, new Set([proxy.account]));
  const parsed = proof.ok ? parseProxy(proxy.node, proof.value) : proof;
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  const subject = proxySubject(engine, parsed.value);
  for (const kind of ['cds', 'lds', 'nds'] as const) engine.watch(allOf, kind, subject);
  const [cds, lds] = (['cds', 'lds'] as const).map((kind) =>
    engine.read(allOf, kind, subject).map(({ bytes }) => toJson(typeUrls[kind], bytes)),
  );
  for (const key of [
    ...endpointNames(cds ?? []).map((name) => resourceKey({ kind: 'eds', name })),
    ...routeNames(lds ?? []).map((name) => resourceKey({ kind: 'rds', name })),
  ])
    engine.watch(oneOf, key, subject);
}
