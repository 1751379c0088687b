import { spawn } from 'node:child_process';
import { request } from '@flotilla/agent-health';
import type { Logger } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';

export interface EnvoyOptions {
  readonly binary: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly admin: { readonly host: string; readonly port: number };
  readonly log: Logger;
}
export interface DrainOptions {
  /** How long connections may end by themselves. */
  readonly durationMs: number;
  readonly inboundOnly: boolean;
  /** Wait for the last connection instead, at least this long. */
  readonly untilIdleAfterMs?: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}
export interface EnvoyProcess {
  /** Resolves with what ended Envoy. Rejects when it can't be started. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  drain(options: DrainOptions): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const idlePollMs = 1000;

/** Starts Envoy; its output goes where the agent's goes. */
export function startEnvoy({ binary, args, env, admin, log }: EnvoyOptions): EnvoyProcess {
  log.info('Envoy command', { binary, args: args.filter((arg) => !arg.includes('%')) });
  const child = spawn(binary, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  exited.catch(() => {});
  const ask = async (path: string, method: 'GET' | 'POST'): Promise<string> =>
    (await request({ ...admin, path, method, timeoutMs: 1000, maxBytes: 1 << 20 })).body.toString('utf8');
  const pause = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      const now = (): void => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', now, { once: true });
      exited.then(now, now);
    });
  return {
    exited,
    async drain({ durationMs, inboundOnly, untilIdleAfterMs, signal }) {
      await ask(`/drain_listeners?${inboundOnly ? 'inboundonly&' : ''}graceful`, 'POST').catch((thrown: unknown) =>
        log.warn('listeners not drained', { error: messageOf(thrown) }),
      );
      if (untilIdleAfterMs === undefined) return pause(durationMs, signal);
      await pause(untilIdleAfterMs, signal);
      while (
        !signal.aborted &&
        child.exitCode === null &&
        child.signalCode === null &&
        activeConnections(await ask('/stats?usedonly&filter=downstream_cx_active$', 'GET').catch(() => '')) > 0
      ) {
        await pause(idlePollMs, signal);
      }
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** Connections of applications: those of the admin interface and of the agent's own listeners don't count. */
export function activeConnections(stats: string): number {
  return stats
    .split('\n')
    .map((line) => /^listener\.(.+)\.downstream_cx_active: (\d+)$/.exec(line.trim()))
    .filter((match) => match !== null && !/admin|worker_|_150(21|90)$/.test(match[1] ?? ''))
    .reduce((sum, match) => sum + Number(match?.[2] ?? 0), 0);
}
