import type { Drains } from '@flotilla/server';
import { pause, systemClock, type Clock } from '@flotilla/std';

export interface ShutdownOptions {
  readonly drains: Drains;
  /** 0: the process stops at once. */
  readonly drainMs: number;
  readonly stop: AbortController;
  /** Ends the process without waiting for anything. */
  readonly exit: () => void;
  readonly clock?: Clock;
}
export interface Shutdown {
  /** Called for each signal to stop. */
  begin(): void;
  /** True from the first signal on: the process is no longer ready. */
  readonly hasBegun: boolean;
}

/** The share of the drain that gives load balancers time to notice that this process is not ready. */
const noticeShare = 0.2;

/**
 * How a process ends (Kubernetes documentation, "Pod Lifecycle", termination):
 *
 *     serving ──signal──▶ not ready ──a fifth of the drain──▶ clients are disconnected ──▶ runners stop ──▶ exit
 *                            └─────────────────────── a second signal ────────────────────────────────────▶ exit
 *
 * Clients are disconnected only after load balancers have noticed, since they would come back otherwise. A process
 * without a drain stops its runners at the first signal.
 */
export function createShutdown({ drains, drainMs, stop, exit, clock = systemClock }: ShutdownOptions): Shutdown {
  let hasBegun = false;

  async function drain(): Promise<void> {
    const noticeMs = drainMs * noticeShare;
    await pause(noticeMs, stop.signal, clock);
    if (!stop.signal.aborted) await drains.run(drainMs - noticeMs);
  }

  return {
    begin() {
      if (hasBegun) return exit();
      hasBegun = true;
      if (drainMs <= 0) return stop.abort();
      const abort = (): void => stop.abort();
      void drain().then(abort, abort);
    },
    get hasBegun() {
      return hasBegun;
    },
  };
}
