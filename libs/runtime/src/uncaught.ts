import type { Logger, Metrics } from '@flotilla/observability-port';
import { messageOf } from '@flotilla/std';

/**
 * An error that no caller caught (in the callback of a timer or a socket, say) is a bug. It is logged and counted, and
 * the process goes on: ending it would cost every proxy its connection, and what caused the error would most likely
 * come again after the restart.
 */
export function logUncaughtErrors(log: Logger, metrics: Metrics): void {
  const uncaught = metrics.counter('uncaught_errors_total', 'Errors that no part of the process caught.');
  process.on('uncaughtException', (thrown, kind) => {
    uncaught.add(1);
    log.error('uncaught error; the process keeps running', {
      kind,
      error: messageOf(thrown),
      stack: thrown instanceof Error ? thrown.stack : undefined,
    });
  });
}
