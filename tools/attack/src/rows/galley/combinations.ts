import { table } from '../../attack.ts';
import { huge, many, ports, resource, taken } from './huge.ts';

const delegate = { name: 'delegate' };
const http = { protocol: 'HTTP', name: 'http' };
const route = [{ destination: { host: 'catalog.test' } }];
const prefixes = (word: string, count: number): object[] => many(count, (i) => ({ uri: { prefix: `/${word}${i}/` } }));
const gateway = (ports: number, labels: number): string =>
  JSON.stringify(
    resource('Gateway', {
      selector: Object.fromEntries(many(labels, (i) => [`label-${i}`, 'a'])),
      servers: many(ports, (i) => ({ port: { ...http, name: `http-${i}`, number: i + 1 }, hosts: ['a.test'] })),
    }),
  );

/** DestinationRules for one host. */
const rules = (count: number, specOf: (i: number) => object): object[] =>
  many(count, (i) => resource('DestinationRule', { host: 'catalog.test', ...specOf(i) }, { name: `rule-${i}` }));

/** Objects that are combined with themselves or with others: a small change of one has all of the other's size. */
export const combinations = table({ service: 'galley', kind: 'combinations' }, [
  huge('a Gateway with 500 ports and 2,000 labels in its selector', () => gateway(500, 2000)),
  huge('a Gateway with 8,000 ports', () => gateway(8000, 1)),
  taken('a VirtualService with 10,000 routes to a delegate with 10,000', () => [
    resource('VirtualService', { hosts: ['catalog.test'], http: many(10_000, () => ({ delegate })) }),
    resource(
      'VirtualService',
      { http: prefixes('d', 10_000).map((match) => ({ match: [match], route })) },
      { name: 'delegate' },
    ),
  ]),
  taken('a VirtualService with 5,000 matches, and a delegate with 5,000', () => [
    resource('VirtualService', { hosts: ['catalog.test'], http: [{ match: prefixes('r', 5000), delegate }] }),
    resource('VirtualService', { http: [{ match: prefixes('d', 5000), route }] }, { name: 'delegate' }),
  ]),
  taken('10,000 DestinationRules for one host, each for other workloads', () =>
    rules(10_000, (i) => ({ workloadSelector: { matchLabels: { app: `a${i}` } } })),
  ),
  taken('1,000 DestinationRules for one host, with 20 subsets each', () =>
    rules(1000, (i) => ({ subsets: many(20, (j) => ({ name: `s${i}-${j}`, labels: { v: `${j}` } })) })),
  ),
  huge('a VirtualService with 600 matches of 200 headers below two prefixes', () => {
    const headers = (i: number): object =>
      Object.fromEntries(many(200, (j) => [`h${j}`, { exact: j === 199 ? `${i}` : 'a' }]));
    const match = many(600, (i) => ({ uri: { prefix: i < 300 ? '/a' : '/ab' }, headers: headers(i) }));
    return JSON.stringify(resource('VirtualService', { hosts: ['catalog.test'], http: [{ match, route }] }));
  }),
  taken('a Sidecar with 6,000 hosts, and 6,000 ServiceEntries', () => [
    resource('Sidecar', { egress: [{ hosts: [...many(6000, (i) => `*/a${i}.test`), '*/marker.test'] }] }),
    ...many(6000, (i) =>
      resource('ServiceEntry', { hosts: [`s${i}.test`], ports, resolution: 'DNS' }, { name: `s${i}` }),
    ),
  ]),
]);
