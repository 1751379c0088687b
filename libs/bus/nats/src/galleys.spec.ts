import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Batch } from '@flotilla/bus-port';
import { testResource } from '@flotilla/testing';
import type { Role } from './writer.ts';
import { startNats } from './testing/nats-server.ts';

/** So many and so large that a base and each change have several parts. */
const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
let server: Awaited<ReturnType<typeof startNats>>;
const ends: (() => unknown)[] = [];
/** Those who wait for something to be so; whatever happens makes them look again. */
let waiting: (() => void)[] = [];
const changed = (): void => waiting.splice(0).forEach((resolve) => resolve());
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => waiting.push(resolve));
}

beforeEach(async () => {
  [server, waiting] = [await startNats(), []];
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await server.end();
});

/** A galley in a process of its own. */
function startGalley(session: string) {
  const script = join(import.meta.dirname, 'testing/writer-process.ts');
  const argument = JSON.stringify({
    options: server.optionsOf('galley'),
    session,
    resources: keys.map((key) => testResource(key, '')),
  });
  const child = spawn(process.execPath, [script, argument], { stdio: ['pipe', 'pipe', 'inherit'] });
  let role: Role = 'starting';
  let published = 0;
  let asked = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, value] = line.split(' ');
    if (what === 'role') role = value as Role;
    else published = Number(value);
    changed();
  });
  const kill = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    child.kill('SIGCONT');
    await once(child, 'exit');
  };
  ends.push(kill);
  return {
    session,
    kill,
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    publish: () => {
      asked += 1;
      child.stdin.write('\n');
    },
    untilRole: (wanted: Role) => until(() => role === wanted),
    untilPublished: () => until(() => published === asked),
    get role() {
      return role;
    },
    get version() {
      return asked;
    },
  };
}

type Galley = ReturnType<typeof startGalley>;

/** A pilot that remembers every state that it was in. */
async function startPilot() {
  const bus = await server.open('pilot');
  const stop = new AbortController();
  const state = new Map<string, string>();
  const mixtures: string[] = [];
  const valueOf = (batch: Batch['put'][number]): string =>
    String((batch.resource.spec as { hosts: string[] }).hosts[0]).replace(/\.+$/, '');
  const read = async (): Promise<void> => {
    for await (const batch of bus.subscribe(['service-entries'], stop.signal)) {
      for (const put of batch.put) state.set(put.resource.meta.name, valueOf(put));
      for (const { key } of batch.delete) state.delete(key.name);
      if (state.size !== keys.length || new Set(state.values()).size !== 1) mixtures.push([...state.values()].join());
      changed();
    }
  };
  const reading = read();
  ends.push(async () => {
    stop.abort();
    await reading;
    await bus.close();
  });
  const has = (session: string, version: number): boolean => state.get('k0') === `${session}/${version}`;
  return { mixtures, has, until: (session: string, version: number) => until(() => has(session, version)) };
}

const roles = (galleys: readonly Galley[]): string =>
  galleys
    .map(({ role }) => role)
    .toSorted()
    .join();

it('of two galleys that start at the same instant one writes and one stands by, until the other leaves or is killed', async () => {
  const galleys = [startGalley('a'), startGalley('b')];
  for (const galley of galleys) galley.publish();
  await until(() => roles(galleys) === 'active,standby');
  const [active, standby] = galleys.toSorted((a, b) => a.role.localeCompare(b.role));
  if (!active || !standby) throw new Error('two galleys');
  const pilot = await startPilot();
  await pilot.until(active.session, 1);
  standby.publish();
  active.publish();
  await pilot.until(active.session, 2);
  await active.kill('SIGTERM');
  await pilot.until(standby.session, 2);
  const third = startGalley('c');
  third.publish();
  await third.untilRole('standby');
  await standby.kill();
  await pilot.until('c', 1);
  expect(pilot.mixtures).toEqual([]);
});

it('a galley that was stopped while another took over can write nothing, steps down, and takes over again', async () => {
  const [first, second] = [startGalley('a'), startGalley('b')];
  first.publish();
  await first.untilRole('active');
  const pilot = await startPilot();
  await pilot.until('a', 1);
  second.publish();
  await second.untilRole('standby');
  first.pause();
  first.publish();
  await second.untilRole('active');
  await pilot.until('b', 1);
  first.resume();
  await first.untilRole('standby');
  second.publish();
  await pilot.until('b', 2);
  await second.kill();
  await first.untilRole('active');
  await pilot.until('a', 2);
  expect(pilot.mixtures).toEqual([]);
});

/** What happens to two galleys and their server, each in its time. */
const events = fc.array(
  fc.record({
    event: fc.constantFrom('publish', 'kill', 'stop', 'restart the server', 'empty the server'),
    who: fc.constantFrom<(0 | 1)[]>(0, 1),
  }),
  { minLength: 5, maxLength: 8 },
);

const lists = fc.sample(events, Number(process.env['FLOTILLA_RUNS'] ?? 2)).map((list) => ({ list }));
it.each(lists)('readers see only what one galley published, and come to the active one: $list', async ({ list }) => {
  let count = 0;
  const start = (): Galley => {
    const galley = startGalley(`g${(count += 1)}`);
    galley.publish();
    return galley;
  };
  const galleys: [Galley, Galley] = [start(), start()];
  const pilot = await startPilot();
  for (const { event, who } of list) {
    const galley = galleys[who];
    if (event === 'publish') galley.publish();
    else if (event === 'kill') {
      await galley.kill();
      galleys[who] = start();
    } else if (event === 'stop') {
      galley.pause();
      galley.publish();
      await galleys[(1 - who) as 0 | 1].untilRole('active');
      galley.resume();
    } else {
      await server.kill();
      if (event.startsWith('empty')) server.wipe();
      galley.publish();
      await server.start();
    }
  }
  await Promise.all(galleys.map((galley) => galley.untilPublished()));
  await until(
    () =>
      roles(galleys) === 'active,standby' &&
      galleys.some(({ role, session, version }) => role === 'active' && pilot.has(session, version)),
  );
  expect(pilot.mixtures).toEqual([]);
});
