import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { corpusPath } from '@flotilla/testing';
import { readScenario } from '@flotilla/tool-parity';
import { breakObject, randomOf } from './break-object.ts';
import { RunningMesh } from './running-mesh.ts';

const corpus = corpusPath('xds');
const names = existsSync(corpus)
  ? readdirSync(corpus)
      .filter((name) => existsSync(join(corpus, name, 'proxies.yaml')))
      .sort()
  : [];
const { FLOTILLA_BREAK_COUNT: count = '30', FLOTILLA_BREAK_SEED: seed = '1' } = process.env;

/** Of so many broken objects one is there from the start, too. */
const everyStart = 15;
const kindOf = (object: object): string => (object as { kind?: string }).kind ?? '';

describe.skipIf(names.length === 0)('objects broken at random, beside a healthy mesh', () => {
  it.each(names)('%s: what is refused changes nothing, what is accepted fails nowhere', (name) => {
    const scenario = readScenario(join(corpus, name));
    const mesh = new RunningMesh(scenario);
    const healthy = mesh.output();
    const random = randomOf(Number(seed) + names.indexOf(name) * 1_000_003);
    const objects = scenario.files.flatMap(({ documents = [] }) => documents.map(({ value }) => value as object));
    // Mesh configuration, networks and Secrets are few among many objects, and have a turn of their own.
    const special = objects.filter((object) => ['ConfigMap', 'Secret'].includes(kindOf(object)));
    for (let i = 0; i < Number(count); i += 1) {
      const pool = i % 3 === 0 && special.length > 0 ? special : objects;
      const object = breakObject(pool[Math.floor(random() * pool.length)] ?? {}, random);
      const what = JSON.stringify(object).slice(0, 3000);
      const { isRefused, failures } = mesh.put(object);
      expect(failures, what).toEqual([]);
      if (isRefused) expect(mesh.output(), what).toEqual(healthy);
      expect(mesh.heal(), what).toEqual([]);
      expect(mesh.output(), what).toEqual(healthy);
      if (i % everyStart !== 0) continue;
      const fresh = new RunningMesh(scenario, { broken: object, healthy: mesh });
      expect(fresh.failures, what).toEqual([]);
      if (isRefused) expect(fresh.output(), what).toEqual(healthy);
    }
  });
});
