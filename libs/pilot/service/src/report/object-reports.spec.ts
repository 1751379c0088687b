import fc from 'fast-check';
import { expect, it } from 'vitest';
import { objectKey } from '@flotilla/model';
import { typeUrls } from '@flotilla/pilot-xds';
import { Subject, type Engine, type Watch } from '@flotilla/query';
import { ObjectReports, type Holders, type ReportedProxy } from './object-reports.ts';
import { ProxyReport } from './proxy-report.ts';

type Kind = 'cds' | 'eds' | 'rds';
interface Connected extends ReportedProxy {
  readonly report: ProxyReport;
  /** The types of which it has not acknowledged the last response. */
  readonly open: readonly Kind[];
}

function connect(open: readonly Kind[]): Connected {
  const report = new ProxyReport({ onChange: () => {}, changedSince: () => undefined });
  for (const kind of open)
    report.note({
      kind: 'send',
      typeUrl: typeUrls[kind],
      nonce: kind,
      version: '1',
      resources: [],
      removed: [],
      isWhole: true,
    });
  return { subject: new Subject({}), report, open };
}

/** What is reported of an object that these lists read. */
function reportOf(proxies: readonly Connected[], lists: readonly Holders[]) {
  const results = lists.map((_, i) => ({ outcome: { value: i }, watches: new Set([i]) }));
  const engine = { readersOf: () => ({ results: new Set(results), hubs: [] }) };
  const reports = new ObjectReports({
    engine: engine as unknown as Engine,
    holdersOf: (watch: Watch) => lists[Number(watch)],
    connected: () => new Set(proxies),
  });
  const key = objectKey({ namespace: 'shop', name: 'a', cluster: 'Kubernetes' });
  return reports.of({ collection: 'gateways', key, version: '1', cells: [], revision: 1, credentials: new Set() });
}

const kind = fc.constantFrom<Kind>('cds', 'eds', 'rds');
const size = 4;
const opens = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.uniqueArray(kind)), {
  minLength: size,
  maxLength: size,
});
const members = fc.oneof(
  fc.constant([...Array(size).keys()]),
  fc.uniqueArray(fc.nat({ max: size - 1 }), { minLength: 1 }),
);

it('each proxy counts once, and is pending if any list of its that reads the object is of a type it has not answered', () => {
  fc.assert(
    fc.property(opens, fc.array(fc.record({ kind, members }), { maxLength: 5 }), (open, lists) => {
      const proxies = open.map(connect);
      const holders = lists.map((list) => ({
        kind: list.kind,
        holders: list.members.flatMap((i) => proxies[i] ?? []),
      }));
      const concerned = proxies.filter((proxy) => holders.some((list) => list.holders.includes(proxy)));
      const pending = concerned.filter((proxy) =>
        holders.some((list) => list.holders.includes(proxy) && proxy.open.includes(list.kind)),
      );
      expect(reportOf(proxies, holders)).toMatchObject({
        concerned: concerned.length,
        acknowledged: concerned.length - pending.length,
        rejected: 0,
      });
    }),
    { numRuns: 300 },
  );
});
