import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadResources } from '@flotilla/galley-pipeline';
import { keyOf, type AnyResource } from '@flotilla/model';
import { createWorldStore, credentialChanges, parseProxy, proofOf, proxySubject, workload, worldChanges } from '@flotilla/pilot-world';
import { allOf, oneOf, typeUrls } from '@flotilla/pilot-xds';
import { toJson } from '@flotilla/proto-gen/json';
import { checkAgainstScratch, Engine, Subject } from '@flotilla/query';
import { deepEqual } from '@flotilla/std';
import { corpusPath } from '@flotilla/testing';
import { endpointNames, readScenario, routeNames, type ScenarioProxy } from '@flotilla/tool-parity';

/** Scenarios of real Istio's answers; a machine without them skips these tests, by name. */
const corpus = corpusPath('xds');
const names = existsSync(corpus) ? readdirSync(corpus).filter((name) => existsSync(join(corpus, name, 'proxies.yaml'))).sort() : [];

/** Watches all that a proxy of the scenario asks for, as pilot does while it is connected. */
function connect(engine: Engine, proxy: ScenarioProxy): void {
  const proof = proofOf(proxy.identity, new Set([proxy.account]));
  const parsed = proof.ok ? parseProxy(proxy.node, proof.value) : proof;
  if (!parsed.ok) throw new Error(parsed.error);
  engine.watch(workload, '', new Subject({ ...parsed.value }));
  const subject = proxySubject(engine, parsed.value);
  for (const kind of ['cds', 'lds', 'nds'] as const) engine.watch(allOf, kind, subject);
  const [cds, lds] = (['cds', 'lds'] as const).map((kind) => engine.read(allOf, kind, subject).map(({ bytes }) => toJson(typeUrls[kind], bytes)));
  for (const key of [...endpointNames(cds ?? []).map((name) => `eds|${name}`), ...routeNames(lds ?? []).map((name) => `rds|${name}`)]) engine.watch(oneOf, key, subject);
}

describe.skipIf(names.length === 0)('checking mode over the scenarios', () => {
  it.each(names)('%s: without each resource, and with it again, reuse is right', (name) => {
    const scenario = readScenario(join(corpus, name));
    const { resources } = loadResources(scenario.files);
    const engine = new Engine(createWorldStore());
    engine.apply(resources.flatMap((resource) => worldChanges(resource.collection, keyOf(resource.meta), resource)));
    engine.apply(credentialChanges({ put: scenario.credentials, delete: [] }));
    for (const proxy of scenario.proxies) connect(engine, proxy);
    const watches = [...engine.watches()];
    const answers = (): unknown[] => watches.map(({ query, key, subject }) => engine.read(query, key, subject));
    const change = (resource: AnyResource, value?: AnyResource): void => {
      engine.apply(worldChanges(resource.collection, keyOf(resource.meta), value));
    };
    const before = answers();
    for (const resource of resources) {
      change(resource);
      expect(checkAgainstScratch(engine)).toEqual([]);
      change(resource, resource);
      expect(deepEqual(answers(), before)).toBe(true);
    }
  });
});
