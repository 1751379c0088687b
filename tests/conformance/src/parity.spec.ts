import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { corpusPath } from '@flotilla/testing';
import { areas, runArea, type Report } from '@flotilla/tool-parity';

/** What differs from Istio's answers, with the reason; what needs a feature that is missing is found by the program. */
const known: Readonly<Record<string, Readonly<Record<string, string>>>> = {};

/** Real Istio's answers, as data; a machine without them skips these tests, by name. */
const corpora = [
  { name: 'xds', corpus: corpusPath('xds') },
  { name: 'xds', corpus: corpusPath('more', 'xds') },
  { name: 'xds', corpus: corpusPath('random') },
  { name: 'xds', corpus: corpusPath('field') },
  { name: 'bootstrap', corpus: corpusPath() },
  { name: 'injection', corpus: corpusPath() },
  { name: 'iptables', corpus: corpusPath() },
  { name: 'validation', corpus: corpusPath() },
];

describe.skipIf(!corpora.every(({ corpus }) => existsSync(corpus)))('parity with Istio 1.19.0', () => {
  describe.each(corpora)('$name, $corpus', ({ name, corpus }) => {
    let report: Report;
    beforeAll(async () => {
      const area = areas[name];
      if (!area) throw new Error(`there is no area ${name}`);
      report = await runArea({ name, area, areas: Object.keys(areas), corpus, only: '' });
    }, 600_000);

    it('differs only where a reason is known, and no longer than that', () => {
      const differing = report.differing.map((outcome) => outcome.name);
      expect(differing.toSorted()).toEqual(Object.keys(known[name] ?? {}).toSorted());
    });

    it('agrees in some cases, and needs no entry of accepted.yaml that it has', () => {
      expect(report.agreeing.length).toBeGreaterThan(0);
      expect(report.stale).toEqual([]);
    });
  });
});
