import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDocument, type Document } from 'yaml';
import { replaceFile } from './cluster/replace-file.ts';
import type { Mode } from './control-plane.ts';
import type { Mesh } from './demo-mesh.ts';
import type { Screen } from './screen.ts';
import { changeOf, waterfall, type Change } from './traces.ts';
import { comparePeers, isVerified } from './traffic/peers.ts';
import { startLoad, untilServed } from './traffic/load.ts';
import { splitOf, Tally, type Split } from './traffic/tally.ts';
import { drawTraffic } from './traffic/table.ts';

/** Everything here was measured in this run. */
export interface Report {
  readonly mode: Mode;
  readonly pods: number;
  readonly envoys: number;
  readonly requests: number;
  readonly errors: number;
  readonly mtls_verified: boolean;
  readonly split: { readonly before: Split; readonly after: Split };
  /** From the write of a file until an Envoy acknowledged it, over all changes and Envoys. */
  readonly propagation_ms: { readonly p50: number; readonly max: number };
  readonly traffic_survived_galley_stop: boolean;
  readonly nacks: number;
  /** Problems of what was given, each with its file. */
  readonly not_in_force: readonly string[];
}

const perSecond = 50;
const observeMs = 4000;
const repeats = 5;
const faultStatus = 418;
const routeFile = 'reviews-route.yaml';
const weights = { before: [80, 20, 0], after: [0, 20, 80] } as const;

export interface ScenarioContext {
  readonly mode: Mode;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/**
 * The demo's story: split, change, fault, galley's absence, one change as its trace. Rejects when a step does not come
 * to pass in time.
 */
export async function runScenario(mesh: Mesh, { mode, screen, signal }: ScenarioContext): Promise<Report> {
  const tally = new Tally('reviews');
  const wait = (ms: number): Promise<void> => pause(ms, undefined, { signal });
  const shop = { ip: mesh.gateway.ip, port: 8080, host: 'shop.example.com', path: '/' };
  await untilServed(shop);
  const load = startLoad(shop, perSecond, (sample) => tally.add(sample));
  const table = setInterval(() => screen.draw(drawTraffic(tally, comparePeers(mesh.proxies))), 500);
  const acknowledgements: number[] = [];

  /** Rewrites the route's file and waits until every Envoy that it concerns has acknowledged. */
  async function change(edit: (document: Document) => void): Promise<Change & { readonly at: number }> {
    const at = editRoute(mesh, edit);
    const found = await mesh.traces.find('the change', (spans) => changeOf(spans, routeFile, at));
    acknowledgements.push(...[...found.acknowledged.values()].map((time) => time - at));
    return { ...found, at };
  }

  try {
    screen.say(
      `  Traffic: ${perSecond} requests a second from outside to storefront, which calls catalog (which calls stock) and reviews.`,
    );
    const began = Date.now();
    await wait(observeMs);
    const before = splitOf(tally.window(began).versions);
    screen.say(`  Reviews by version: ${describeSplit(before)}`);

    screen.say(`\n  ${routeFile} gives reviews v3 80 % and v1 nothing:`);
    const moved = await change(setWeights(weights.after));
    await tally.until('traffic for v3', () => tally.window(moved.at).versions.has('v3'), { signal });
    await wait(observeMs);
    const { settledAt, after } = settle(tally, moved.at);
    screen.say(
      `  all ${moved.acknowledged.size} Envoys concerned acknowledged it after ${lastOf(moved)} ms, traffic had moved after ${settledAt - moved.at} ms: ${describeSplit(after)}`,
    );
    for (let i = 1; i <= repeats; i += 1) await change(setWeights([0, 20 + i, 80 - i]));
    screen.say(
      `  ${repeats} more changes, each one's last Envoy after ${quantile(acknowledgements, 1).toFixed(0)} ms at most`,
    );

    screen.say(`\n  A fault: half of the requests to reviews end with status ${faultStatus}.`);
    tally.expected = faultStatus;
    const broken = await change((document) =>
      document.setIn(['spec', 'http', 0, 'fault'], { abort: { percentage: { value: 50 }, httpStatus: faultStatus } }),
    );
    await tally.until('faults', () => tally.faults > 20, { signal });
    await change((document) => document.deleteIn(['spec', 'http', 0, 'fault']));
    await wait(1000);
    tally.expected = undefined;
    screen.say(
      `  ${tally.faults} answers with ${faultStatus} of ${tally.window(broken.at).requests} until it was removed`,
    );

    const survived = await stopGalley(mesh, { mode, screen, tally, signal });
    await mesh.untilConnected(signal);
    const last = await change(setWeights(weights.after));
    await load.stop();
    clearInterval(table);
    screen.end();
    screen.say("\n  The last change, from the file to every Envoy's acknowledgement:\n");
    for (const line of waterfall(mesh.traces.spans.filter(({ traceId }) => traceId === last.traceId)))
      screen.say(`  ${line}`);

    const peers = comparePeers(mesh.proxies);
    return {
      mode,
      pods: mesh.cluster.pods.size,
      envoys: mesh.proxies.length,
      requests: tally.requests,
      errors: tally.errors,
      mtls_verified: isVerified(peers),
      split: { before, after },
      propagation_ms: { p50: round(quantile(acknowledgements, 0.5)), max: round(quantile(acknowledgements, 1)) },
      traffic_survived_galley_stop: survived,
      nacks: await mesh.metric('pilot_total_xds_rejects'),
      not_in_force: (await mesh.problems()).filter(({ isInForce }) => !isInForce).map(({ text }) => text),
    };
  } finally {
    clearInterval(table);
    await load.stop();
  }
}

/** Edits the file as a user would; returns when (epoch milliseconds). */
function editRoute(mesh: Mesh, edit: (document: Document) => void): number {
  const path = join(mesh.config[0] ?? '', routeFile);
  const document = parseDocument(readFileSync(path, 'utf8'));
  edit(document);
  const at = Date.now();
  replaceFile(path, document.toString());
  return at;
}

const setWeights =
  (of: readonly number[]) =>
  (document: Document): void =>
    of.forEach((weight, i) => document.setIn(['spec', 'http', 0, 'route', i, 'weight'], weight));

/**
 * When the last request was sent that still went the old way, or the first that went the new one; and the shares after
 * that.
 */
function settle(tally: Tally, at: number): { readonly settledAt: number; readonly after: Split } {
  const answers = tally.samples.filter((sample) => sample.at >= at);
  const firstNew = answers.find(({ version }) => version === 'v3')?.at ?? at;
  const lastOld = answers.findLast(({ version }) => version === 'v1')?.at ?? at;
  const settledAt = Math.max(firstNew, lastOld);
  return { settledAt, after: splitOf(tally.window(settledAt + 1).versions) };
}

/**
 * Stops galley (or the one process it is part of), looks at traffic, changes a file meanwhile, starts it again and
 * waits for the change.
 */
async function stopGalley(
  mesh: Mesh,
  { mode, screen, tally, signal }: ScenarioContext & { readonly tally: Tally },
): Promise<boolean> {
  const name = mode === 'monolith' ? 'istiod' : 'galley';
  const container = mesh.cluster.pod('istio-system', name).container(name);
  screen.say(`\n  ${name} is stopped.`);
  await container.hold();
  const since = Date.now();
  editRoute(mesh, setWeights([100, 0, 0]));
  await pause(observeMs, undefined, { signal });
  const without = tally.window(since);
  screen.say(`  ${without.requests} requests without it, ${without.errors} errors; a change made meanwhile waits`);
  const isUnchanged = !without.versions.has('v1');
  const startedAt = Date.now();
  container.release();
  await tally.until(`the change after ${name} is back`, () => tally.window(startedAt).versions.has('v1'), {
    signal,
    timeoutMs: 30_000,
  });
  screen.say(
    `  ${name} is started again: the change is in force after ${((tally.samples.find(({ at, version }) => at >= startedAt && version === 'v1')?.at ?? startedAt) - startedAt) / 1000} s`,
  );
  return without.requests > 0 && without.errors === 0 && isUnchanged;
}

const describeSplit = (split: Split): string =>
  Object.entries(split)
    .map(([version, share]) => `${version} ${share} %`)
    .join(', ');
const lastOf = ({ at, acknowledged }: Change & { readonly at: number }): string =>
  (Math.max(...acknowledged.values()) - at).toFixed(0);
const round = (ms: number): number => Math.round(ms * 10) / 10;

/** The smallest value that this share of all does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
