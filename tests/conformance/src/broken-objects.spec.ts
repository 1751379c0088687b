import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { keyOf, type Batch } from '@flotilla/model';
import { createWorldStore, credentialChanges, worldChanges } from '@flotilla/pilot-world';
import type { XdsResource } from '@flotilla/pilot-xds';
import { Engine, type MemberList, type Watch } from '@flotilla/query';
import { messageOf } from '@flotilla/std';
import { corpusPath } from '@flotilla/testing';
import { readScenario } from '@flotilla/tool-parity';
import { breakObject, randomOf } from './break-object.ts';
import { connect } from './connect.ts';

const corpus = corpusPath('xds');
const names = existsSync(corpus)
  ? readdirSync(corpus)
      .filter((name) => existsSync(join(corpus, name, 'proxies.yaml')))
      .sort()
  : [];
const { FLOTILLA_BREAK_COUNT: count = '30', FLOTILLA_BREAK_SEED: seed = '1' } = process.env;

function applyBatch(engine: Engine, batch: Batch): void {
  engine.apply([
    ...batch.put.flatMap(({ resource }) => worldChanges(resource.collection, keyOf(resource.meta), resource)),
    ...batch.delete.flatMap(({ collection, key }) => worldChanges(collection, key)),
  ]);
}

/** Why a query failed, as text; undefined for one that did not. Failures of queries that name members count too. */
function failureOf(engine: Engine, { query, key, subject }: Watch): string | undefined {
  try {
    const answer = engine.read(query, key, subject) as Partial<MemberList> | XdsResource | undefined;
    const [failed] = answer && 'failed' in answer ? (answer.failed ?? []) : [];
    if (failed) throw failed.error;
    return undefined;
  } catch (thrown) {
    return `${query.name} ${key}: ${messageOf(thrown)}${(thrown as Error).stack?.split('\n').slice(0, 4).join(' ')}`;
  }
}

describe.skipIf(names.length === 0)('objects broken at random, beside a healthy mesh', () => {
  it.each(names)('%s: what galley refuses changes nothing, what it accepts fails nowhere', (name) => {
    const scenario = readScenario(join(corpus, name));
    const pipeline = new FilePipeline('healthy');
    const engine = new Engine(createWorldStore());
    const indexFailures: unknown[] = [];
    engine.store.onIndexFailure = (failure) => indexFailures.push(failure);
    applyBatch(engine, pipeline.apply(scenario.files));
    engine.apply(credentialChanges({ put: scenario.credentials, delete: [] }));
    for (const proxy of scenario.proxies) connect(engine, proxy);
    const random = randomOf(Number(seed) + names.indexOf(name) * 1_000_003);
    const objects = scenario.files.flatMap(({ documents = [] }) => documents.map(({ value }) => value as object));
    for (let i = 0; i < Number(count); i += 1) {
      const object = breakObject(objects[Math.floor(random() * objects.length)] ?? {}, random);
      // The first file by path wins: a broken object that is accepted replaces the healthy one.
      const path = 'broken.yaml';
      const batch = pipeline.apply([{ path, documents: [{ index: 1, value: object }] }]);
      const refused = pipeline.problems.filter(({ origin, level }) => origin?.startsWith(path) && level === 'error');
      if (refused.length > 0) expect([object, batch.put, batch.delete]).toEqual([object, [], []]);
      applyBatch(engine, batch);
      const failures = [...engine.watches()].flatMap((watch) => failureOf(engine, watch) ?? []);
      expect([failures, indexFailures], JSON.stringify(object).slice(0, 3000)).toEqual([[], []]);
      applyBatch(engine, pipeline.apply([{ path }]));
    }
  });
});
