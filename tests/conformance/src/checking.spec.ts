import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadResources } from '@flotilla/galley-pipeline';
import { keyOf, type AnyResource } from '@flotilla/model';
import { createWorldStore, credentialChanges, worldChanges } from '@flotilla/pilot-world';
import { checkAgainstScratch, Engine } from '@flotilla/query';
import { deepEqual } from '@flotilla/std';
import { corpusPath } from '@flotilla/testing';
import { findScenarios, readScenario } from '@flotilla/tool-parity';
import { connect } from './connect.ts';

/** Scenarios of real Istio's answers; a machine without them skips these tests, by name. */
const scenarios = [corpusPath('xds'), corpusPath('more', 'xds'), corpusPath('field'), corpusPath('random')]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => selected(folder, findScenarios(folder).sort()));

/** Meshes made at random take seconds each: the quick tests take every sixth of them. */
function selected(folder: string, found: readonly string[]): readonly string[] {
  const isComplete = process.env['FLOTILLA_ALL'] === '1' || !folder.endsWith('random');
  return isComplete ? found : found.filter((_path, index) => index % 6 === 0);
}

describe.skipIf(scenarios.length === 0)('checking mode over the scenarios', () => {
  it.each(scenarios)('%s: without each resource, and with it again, reuse is right', (path) => {
    const scenario = readScenario(path);
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
