import fc from 'fast-check';
import { expect, it } from 'vitest';
import { idOf, type Batch, type EncodedBatch, type CollectionKey } from '@flotilla/bus-port';
import type { Collection } from '@flotilla/model';
import { testResource } from '@flotilla/testing';
import { createCursor, createFollower } from './follow.ts';
import { LogModel, WriterLink, type Fate } from './testing/log-model.ts';
import { createWriter, type Role, type Writer, type WriterElection } from './writer.ts';

const wanted: Collection[] = ['service-entries'];
const keys = ['a', 'b', 'c', 'd'];
/** A state in which every key has the same value, so that a mixture shows. */
const stateOf = (session: string, version: number): Batch => ({
  session,
  seq: version,
  put: keys.map((key) => ({ resource: testResource(key, `${session}/${version}`) })),
  delete: [],
  complete: wanted,
});

/** Time that passes when the test says so. */
class ManualClock {
  #now = 0;
  #timers: { at: number; callback(): void }[] = [];
  now = (): number => this.#now;
  after = (ms: number, callback: () => void): (() => void) => {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  };
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await idle();
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers = this.#timers.filter((one) => one !== next);
      next.callback();
    }
    this.#now = end;
  }
}
/** Lets everything happen that needs no time. */
const idle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** An election that the test decides; it may elect nobody or several. */
class TestElection {
  leaders: readonly string[] = [];
  readonly #listeners = new Set<() => void>();

  elect(leaders: readonly string[]): void {
    this.leaders = leaders;
    for (const listener of [...this.#listeners]) listener();
  }
  seenBy(session: string): WriterElection {
    return {
      isLeader: () => this.leaders.includes(session),
      onChange: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      tryNow: () => {},
    };
  }
}

interface GalleyOptions {
  readonly session: string;
  readonly election?: TestElection | undefined;
}

/** A galley: it publishes one version after another, and may be replaced by a new process. */
class Galley {
  readonly link: WriterLink;
  readonly #stop = new AbortController();
  readonly #writer: Writer;
  readonly session: string;
  version = 0;
  role: Role = 'starting';
  constructor(model: LogModel, clock: ManualClock, { session, election }: GalleyOptions) {
    this.session = session;
    this.link = new WriterLink(model);
    this.#writer = createWriter({
      log: this.link,
      clock,
      name: session,
      signal: this.#stop.signal,
      onProblem: () => {},
      onRole: (role) => void (this.role = role),
      partBytes: 300,
      election: election?.seenBy(session),
    });
    this.publish();
  }
  publish(): void {
    this.version += 1;
    this.#writer.publish(stateOf(this.session, this.version)).catch(() => {});
  }
  check(): void {
    this.#writer.check();
  }
  kill(): void {
    this.link.isDead = true;
    this.link.resume();
    this.#stop.abort(new Error('killed'));
  }
  leave(): void {
    this.#stop.abort(new Error('left'));
  }
}

/** A pilot: reads parts from the log, sometimes again, sometimes from its beginning. */
class Pilot {
  readonly #model: LogModel;
  #follow = createFollower(wanted, () => {});
  #cursor = createCursor();
  state = new Map<CollectionKey, string>();
  /** All states that it was in since the last look. */
  seen: string[] = [];
  constructor(model: LogModel) {
    this.#model = model;
  }
  read(count: number): void {
    const messages = this.#model.read(this.#cursor.from).slice(0, count);
    for (const { sequence, part } of messages) {
      const what = this.#cursor.take(sequence, part);
      if (what === 'ask again') return this.read(count);
      if (what === 'read') this.#take(this.#follow(part));
    }
    if (messages.length === 0 && this.#cursor.end() === 'ask again') this.read(count);
  }
  /** The connection was lost, and perhaps the store of the server. */
  reconnect(): void {
    this.#cursor.doubt();
  }
  /** It is given what it has read already. */
  readAgain(): void {
    for (const { part } of this.#model.read(1)) this.#take(this.#follow(part));
    this.#cursor = createCursor();
  }
  restart(): void {
    [this.#follow, this.#cursor, this.state] = [createFollower(wanted, () => {}), createCursor(), new Map()];
  }
  #take(batch: EncodedBatch | undefined): void {
    for (const put of batch?.put ?? [])
      this.state.set(idOf(put), (JSON.parse(put.text) as { spec: { hosts: string[] } }).spec.hosts[0] ?? '');
    for (const gone of batch?.delete ?? []) this.state.delete(idOf(gone));
    if (batch) this.seen.push([...this.state.values()].join());
  }
}

type World = ReturnType<typeof openWorld>;
function openWorld(election?: TestElection) {
  const [model, clock] = [new LogModel(), new ManualClock()];
  let incarnations = 0;
  const start = (): Galley => new Galley(model, clock, { session: `g${(incarnations += 1)}`, election });
  const galleys: [Galley, Galley] = [start(), start()];
  const pilots = [new Pilot(model), new Pilot(model)];
  const published = (): Set<string> =>
    new Set(
      all.flatMap(({ session, version }) =>
        Array.from({ length: version }, (_, i) => keys.map(() => `${session}/${i + 1}`).join()),
      ),
    );
  const all: Galley[] = [...galleys];
  const replace = (index: 0 | 1): void => {
    galleys[index] = start();
    all.push(galleys[index]);
  };
  return { model, clock, galleys, pilots, published, replace, election };
}

const which = fc.constantFrom<(0 | 1)[]>(0, 1);
const fates = fc.array(fc.constantFrom<Fate[]>('arrives', 'is lost', 'answer is lost', 'is late'), {
  minLength: 1,
  maxLength: 12,
});
type Step = readonly [name: string, run: (world: World) => unknown];
const step = <T>(name: string, values: fc.Arbitrary<T>, run: (world: World, value: T) => unknown): fc.Arbitrary<Step> =>
  values.map((value) => [`${name} ${JSON.stringify(value)}`, (world: World) => run(world, value)] as const);

/** Everything that happens to galleys, to the server and to pilots; the first few more often than the rest. */
const steps = fc.oneof(
  { weight: 6, arbitrary: step('publish', which, ({ galleys }, i) => galleys[i].publish()) },
  { weight: 6, arbitrary: step('time', fc.constantFrom(30, 400, 1100, 4000), ({ clock }, ms) => clock.advance(ms)) },
  {
    weight: 4,
    arbitrary: step('read', fc.tuple(which, fc.integer({ min: 1, max: 9 })), ({ pilots }, [i, count]) =>
      pilots[i]?.read(count),
    ),
  },
  {
    weight: 4,
    arbitrary: step('faults', fc.tuple(which, fates), ({ galleys }, [i, list]) => galleys[i].link.suffer(list)),
  },
  step('pause', which, ({ galleys }, i) => galleys[i].link.pause()),
  step('resume', which, ({ galleys }, i) => galleys[i].link.resume()),
  step('cut', which, ({ galleys }, i) => void (galleys[i].link.isCut = true)),
  step('mend', which, ({ galleys }, i) => {
    galleys[i].link.isCut = false;
    galleys[i].check();
  }),
  step('kill', which, ({ galleys, replace }, i) => {
    galleys[i].kill();
    replace(i);
  }),
  step('leave', which, async ({ galleys, replace }, i) => {
    galleys[i].leave();
    await idle();
    galleys[i].kill();
    replace(i);
  }),
  step('late', fc.constant(null), ({ model }) => model.deliver()),
  step('read again', which, ({ pilots }, i) => pilots[i]?.readAgain()),
  step('restart pilot', which, ({ pilots }, i) => pilots[i]?.restart()),
  step('wipe', fc.constant(null), ({ model, pilots }) => {
    model.wipe();
    for (const pilot of pilots) pilot.reconnect();
  }),
  step('purge', fc.constant(null), ({ model }) => model.purge()),
  step('lose', fc.integer({ min: 1, max: 6 }), ({ model, pilots }, count) => {
    model.lose(count);
    for (const pilot of pilots) pilot.reconnect();
  }),
);

const elections = step('elect', fc.constantFrom<(readonly (0 | 1)[])[]>([], [0], [1], [0, 1]), (world, leaders) =>
  world.election?.elect(leaders.map((index) => world.galleys[index].session)),
);

it.each([
  ['the log decides', steps, () => undefined],
  ['an election decides', fc.oneof({ weight: 9, arbitrary: steps }, elections), () => new TestElection()],
])(
  'where %s who writes, a reader is at each moment in a state that one writer published, and comes to what the active writer has',
  async (_, anySteps, hold) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anySteps, { minLength: 5, maxLength: 60 }), async (list) => {
        const election = hold();
        const world = openWorld(election);
        const { galleys, pilots, published, clock, model } = world;
        const expectNoMixture = (): void => {
          const states = published();
          for (const pilot of pilots)
            for (const state of pilot.seen.splice(0))
              if (!states.has(state)) throw new Error(`nobody published ${state}`);
        };
        await idle();
        for (const [, run] of list) {
          await run(world);
          await idle();
          expectNoMixture();
        }
        for (const { link } of galleys) {
          link.isCut = false;
          link.resume();
        }
        model.deliver();
        election?.elect([galleys[1].session]);
        for (const galley of galleys) galley.check();
        await clock.advance(200_000);
        for (const pilot of pilots) pilot.read(Infinity);
        expectNoMixture();
        const active = galleys.filter(({ role }) => role === 'active');
        expect([active.length, galleys.map(({ role }) => role).toSorted()]).toEqual([1, ['active', 'standby']]);
        if (election) expect(active).toEqual([galleys[1]]);
        const latest = keys.map(() => `${active[0]?.session}/${active[0]?.version}`).join();
        expect(pilots.map(({ state }) => [...state.values()].join())).toEqual([latest, latest]);
        for (const galley of galleys) galley.kill();
        await clock.advance(1000);
      }),
      { numRuns: Number(process.env['FLOTILLA_RUNS'] ?? 400) },
    );
  },
);
