import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyOf, type AnyResource } from '@flotilla/model';
import { parseProxy, worldChanges } from '@flotilla/pilot-world';
import { allOf, oneOf } from '@flotilla/pilot-xds';
import { checkAgainstScratch, Subject, type Engine } from '@flotilla/query';
import { deepEqual } from '@flotilla/std';
import { ask, openWorld, readScenario, type ScenarioProxy } from '@flotilla/tool-parity';

/** Scenarios of real Istio's answers; a machine without them skips these tests, by name. */
const corpus = join(process.env['FLOTILLA_CORPUS'] ?? resolve(import.meta.dirname, '../../../../shared/corpus'), 'xds');
const names = existsSync(corpus) ? readdirSync(corpus).filter((name) => existsSync(join(corpus, name, 'proxies.yaml'))).sort() : [];

/** Watches all that a proxy of the scenario asks for, as pilot does while it is connected. */
function connect(engine: Engine, proxy: ScenarioProxy): void {
  const parsed = parseProxy(proxy.node, proxy.identity);
  if (!parsed.ok) throw new Error(parsed.error);
  const subject = new Subject(parsed.value as unknown as Record<string, unknown>);
  for (const kind of ['cds', 'lds', 'nds'] as const) engine.watch(allOf, kind, subject);
  const { eds = [], rds = [] } = ask(engine, proxy) as { eds?: { clusterName: string }[]; rds?: { name: string }[] };
  for (const key of [...eds.map(({ clusterName }) => `eds|${clusterName}`), ...rds.map(({ name }) => `rds|${name}`)]) engine.watch(oneOf, key, subject);
}

describe.skipIf(names.length === 0)('checking mode over the scenarios', () => {
  it.each(names)('%s: without each resource, and with it again, reuse is right', (name) => {
    const scenario = readScenario(join(corpus, name));
    const engine = openWorld(scenario);
    for (const proxy of scenario.proxies) connect(engine, proxy);
    const watches = [...engine.watches()];
    const answers = (): unknown[] => watches.map(({ query, key, subject }) => engine.read(query, key, subject));
    const change = (resource: AnyResource, value?: AnyResource): void => {
      engine.apply(worldChanges(resource.collection, keyOf(resource.meta), value));
    };
    const before = answers();
    for (const resource of scenario.resources) {
      change(resource);
      expect(checkAgainstScratch(engine)).toEqual([]);
      change(resource, resource);
      expect(deepEqual(answers(), before)).toBe(true);
    }
  });
});
