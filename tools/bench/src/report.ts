import { cpus, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import type { MeshSize } from './bench-mesh.ts';
import { defaultKubernetes, type KubernetesSize } from './kubernetes-mesh.ts';
import type { QueryResult } from './query/measure.ts';
import { kinds, types, type Kind, type PushResult } from './result.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly date: string;
}
export interface Report {
  readonly machine: Machine;
  readonly mesh: MeshSize;
  readonly push: readonly PushResult[];
  readonly query: readonly QueryResult[];
  /** The same beside `defaultKubernetes`. */
  readonly beside: readonly QueryResult[];
}

export function describeMachine(date: Date): Machine {
  const [cpu] = cpus();
  return {
    processor: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: readFileSync('/proc/version', 'utf8').split(' ')[2] ?? '',
    node: process.version,
    date: date.toISOString().slice(0, 10),
  };
}

type Row = readonly (string | number)[];
const table = (head: readonly string[], rows: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const ms = (value: number): string => (Number.isNaN(value) ? '-' : value < 10 ? value.toFixed(1) : value.toFixed(0));
const runOf = ({ mode, variant, sidecars }: PushResult): string =>
  `${mode}, ${sidecars} sidecars, ${variant === 'sotw' ? 'SotW' : 'delta'}`;

const titles: Readonly<Record<Kind, string>> = {
  endpoint: 'The endpoints of a service change',
  route: 'A VirtualService changes',
  service: 'One more service',
};

const connectTable = (runs: readonly PushResult[]): string =>
  table(
    ['run', 'seconds', 'CPU s', 'resident MB', 'MB sent', 'broken streams'],
    runs.map((run) => [
      runOf(run),
      run.connect.seconds.toFixed(1),
      (run.connect.cpuMs / 1000).toFixed(1),
      run.connect.rssMb.toFixed(0),
      run.connect.megabytes.toFixed(0),
      run.brokenStreams,
    ]),
  );

const changeTable = (runs: readonly PushResult[], kind: Kind): string =>
  table(
    [
      'run',
      'p50 ms',
      'p99 ms',
      'last sidecar ms',
      'CPU ms',
      'kB sent',
      'resident MB',
      'responses: CDS, EDS, LDS, RDS',
      'missed',
    ],
    runs.map((run) => {
      const { p50Ms, p99Ms, lastP50Ms, cpuMs, kilobytes, rssMb, responses, missed, changes } = run.changes[kind];
      return [
        runOf(run),
        ms(p50Ms),
        ms(p99Ms),
        ms(lastP50Ms),
        ms(cpuMs),
        ms(kilobytes),
        rssMb.toFixed(0),
        types.map((type) => responses[type] / changes).join(', '),
        missed,
      ];
    }),
  );

const queryTable = (results: readonly QueryResult[]): string =>
  table(
    ['change', 'queries run', 'of results', 'answers changed, of all', 'ms', 'which'],
    results.map(({ kind, ran, results: all, changed, answers, p50Ms, runs }) => [
      titles[kind],
      ran,
      all,
      `${changed} of ${answers}`,
      ms(p50Ms),
      Object.entries(runs)
        .map(([name, count]) => `${name} ${count}`)
        .join(', '),
    ]),
  );

const besides = ({ services, pods, headless, dns }: KubernetesSize): string =>
  `${services} Services of Kubernetes besides (an EndpointSlice, ${pods} Pods and a DestinationRule each), ${headless} headless Services of
bytes and ${dns} DNS ServiceEntries with outlier detection`;

/** docs/performance.md */
export function renderReport({ machine, mesh, push, query, beside }: Report): string {
  const { processor, cores, memoryGb, kernel, node, date } = machine;
  const parts = [
    '# Performance',
    `Made by \`npm run bench\` on ${date}: ${processor}, ${cores} cores, ${memoryGb} GB, Linux ${kernel}, Node ${node}. All on one machine: the control plane shares its cores with the
process that plays the sidecars. Times differ from machine to machine; counts and bytes do not.

The mesh: ${mesh.services} ServiceEntries with ${mesh.endpoints} endpoints each in ${mesh.namespaces} namespaces, a VirtualService for every ${mesh.everyRoute}th, a file each; no Sidecar.${mesh.kubernetes ? ` It has ${besides(mesh.kubernetes)}.` : ''}`,
  ];
  if (push.length > 0) {
    parts.push(
      '## From a file to the sidecars',
      `The monolith is one process; the fleet is citadel, nats-server, galley and pilot, added up. Each sidecar is one ADS stream on a connection of its own
that acknowledges all it is sent. A time is from just before a file is replaced until a sidecar had what changed, over all sidecars and changes; CPU, bytes and responses are for one
change. "Missed" counts the changes that a sidecar did not get.`,
      '### All connect and are configured',
      connectTable(push),
    );
    for (const kind of kinds) parts.push(`### ${titles[kind]}`, changeTable(push, kind));
  }
  if (query.length > 0) {
    parts.push(
      '## What runs again',
      `The queries of pilot alone, in this process, while sidecars in ${mesh.namespaces} namespaces watch everything that they request. What did not run is reuse. The counts are asserted by
\`tools/bench/src/query/measure.spec.ts\`.`,
      queryTable(query),
    );
  }
  if (beside.length > 0) {
    parts.push(
      '### Beside services that share less',
      `The same changes in the same mesh, with ${besides(defaultKubernetes)}. A row that grows much more than the mesh shows a cliff: results that each proxy has for itself.`,
      queryTable(beside),
    );
  }
  return `${parts.join('\n\n')}\n`;
}
