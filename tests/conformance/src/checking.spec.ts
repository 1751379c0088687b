import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadResources } from '@flotilla/galley-pipeline';
import { keyOf, type AnyResource } from '@flotilla/model';
import { createWorldStore, credentialChanges, worldChanges } from '@flotilla/pilot-world';
import { checkAgainstScratch, Engine } from '@flotilla/query';
import { deepEqual } from '@flotilla/std';
import { corpusPath } from '@flotilla/testing';
import { readScenario } from '@flotilla/tool-parity';
import { connect } from './connect.ts';

/** Scenarios of real Istio's answers; a machine without them skips these tests, by name. */
const corpus = corpusPath('xds');
const names = existsSync(corpus)
  ? readdirSync(corpus)
      .filter((name) => existsSync(join(corpus, name, 'proxies.yaml')))
      .sort()
  : [];

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
