import { noObservability, type Fields } from '@flotilla/observability-port';
import { createManualClock, type ManualClock } from '@flotilla/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Runner } from './runners.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

const mistake = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code });

/** A runner whose every run the test ends. */
function controlled(name: string) {
  const runs: { fail(error: Error): void; end(): void; started(): void }[] = [];
  const runner: Runner = {
    name,
    run: (signal, started) =>
      new Promise((resolve, reject) => {
        runs.push({ fail: reject, end: resolve, started });
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
  };
  return { runner, runs, last: () => runs[runs.length - 1] };
}

describe('a supervisor', () => {
  let clock: ManualClock;
  let stop: AbortController;
  let logged: Fields[];
  const supervise = (...runners: readonly Runner[]): Supervisor =>
    createSupervisor(runners, {
      stop,
      clock,
      random: () => 1,
      metrics: noObservability.metrics,
      log: { ...noObservability.log, error: (_message, fields = {}) => void logged.push(fields) },
    });
  /** Lets everything that has been resolved run. */
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
  };

  beforeEach(() => {
    clock = createManualClock();
    stop = new AbortController();
    logged = [];
    vi.spyOn(console, 'error').mockImplementation(() => {});
  });
  afterEach(() => void vi.restoreAllMocks());

  it('starts what failed again after a growing wait, while the others go on', async () => {
    const [broken, healthy] = [controlled('broken'), controlled('healthy')];
    const supervisor = supervise(broken.runner, healthy.runner);
    const ended = supervisor.run();
    for (const [attempt, waitMs] of [200, 400, 800, 1600].entries()) {
      broken.last()?.fail(new Error(`no ${attempt}`));
      await settled();
      expect(supervisor.failures()).toEqual([`broken: no ${attempt}`]);
      clock.advance(waitMs - 1);
      await settled();
      expect(broken.runs).toHaveLength(attempt + 1);
      clock.advance(1);
      await settled();
      expect(broken.runs).toHaveLength(attempt + 2);
    }
    expect(healthy.runs).toHaveLength(1);
    expect(logged.map(({ part, reason }) => [part, reason])).toEqual([0, 1, 2, 3].map((n) => ['broken', `no ${n}`]));
    stop.abort();
    expect(await ended).toBe(0);
  });

  it('never waits longer than 30 s', async () => {
    const broken = controlled('broken');
    void supervise(broken.runner).run();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      broken.last()?.fail(new Error('no'));
      await settled();
      clock.advance(30_000);
      await settled();
    }
    expect(broken.runs).toHaveLength(21);
    stop.abort();
  });

  it('reports a failure until the runner says that it has started, or has run for 10 s', async () => {
    const [server, loop] = [controlled('server'), controlled('loop')];
    const supervisor = supervise(server.runner, loop.runner);
    void supervisor.run();
    for (const { last } of [server, loop]) last()?.fail(new Error('gone'));
    await settled();
    clock.advance(200);
    await settled();
    expect(supervisor.failures()).toEqual(['server: gone', 'loop: gone']);
    server.last()?.started();
    expect(supervisor.failures()).toEqual(['loop: gone']);
    clock.advance(10_000);
    expect(supervisor.failures()).toEqual([]);
    stop.abort();
  });

  it('begins with a short wait again after 10 s without a failure', async () => {
    const broken = controlled('broken');
    void supervise(broken.runner).run();
    for (const waitMs of [200, 400]) {
      broken.last()?.fail(new Error('no'));
      await settled();
      clock.advance(waitMs);
      await settled();
    }
    clock.advance(10_000);
    broken.last()?.fail(new Error('no'));
    await settled();
    clock.advance(200);
    await settled();
    expect(broken.runs).toHaveLength(4);
    stop.abort();
  });

  it('starts again what ended by itself', async () => {
    const loop = controlled('loop');
    const supervisor = supervise(loop.runner);
    void supervisor.run();
    loop.last()?.end();
    await settled();
    expect(supervisor.failures()).toEqual(['loop: it ended without being stopped']);
    clock.advance(200);
    await settled();
    expect(loop.runs).toHaveLength(2);
    stop.abort();
  });

  it('ends the process for a mistake that only the user can correct, before the runner has started', async () => {
    const [server, loop] = [controlled('xds'), controlled('loop')];
    const ended = supervise(server.runner, loop.runner).run();
    server.last()?.fail(mistake('EADDRINUSE'));
    expect(await ended).toBe(2);
    expect(stop.signal.aborted).toBe(true);
    expect(console.error).toHaveBeenCalledWith(
      'xds: listen EADDRINUSE: another process uses this address; stop it or choose another with --bind',
    );
  });

  it('but not for the same once it has started', async () => {
    const server = controlled('xds');
    const supervisor = supervise(server.runner);
    void supervisor.run();
    server.last()?.started();
    server.last()?.fail(new Error('lost the socket'));
    await settled();
    clock.advance(200);
    await settled();
    server.last()?.fail(mistake('EADDRINUSE'));
    await settled();
    expect(stop.signal.aborted).toBe(false);
    expect(supervisor.failures()).toEqual([expect.stringContaining('xds: listen EADDRINUSE')]);
    stop.abort();
  });

  it('waits for runners to end when it is stopped, in the middle of a backoff too', async () => {
    const [broken, healthy] = [controlled('broken'), controlled('healthy')];
    const ended = supervise(broken.runner, healthy.runner).run();
    broken.last()?.fail(new Error('no'));
    await settled();
    stop.abort();
    expect(await ended).toBe(0);
    expect([broken.runs.length, healthy.runs.length]).toEqual([1, 1]);
  });
});
