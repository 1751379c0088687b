import type { ServerHttp2Session } from 'node:http2';
import { pause, type Clock } from '@flotilla/std';

/** Time for the calls of a connection to end by themselves. */
const graceMs = 1000;

/**
 * Sends clients away, one connection after another and evenly over `ms`, so that they do not all come to the other
 * replicas at once. A client is asked to open a new connection (GOAWAY; RFC 9113, 6.8), and its calls that have not
 * ended after a second are ended. `sessions` may grow and shrink meanwhile. Resolves early when none are left, and at
 * the end of `ms` in any case: those that come after that are left alone.
 */
export async function drain(
  sessions: ReadonlySet<ServerHttp2Session>,
  { ms, clock }: { readonly ms: number; readonly clock: Clock },
): Promise<void> {
  const asked = new Map<ServerHttp2Session, Promise<void>>();
  const end = clock.now() + Math.max(0, ms - graceMs);
  for (;;) {
    const waiting = [...sessions].filter((session) => !asked.has(session));
    const [next] = waiting;
    if (!next) break;
    const leftMs = end - clock.now();
    if (leftMs <= 0) {
      for (const session of waiting) asked.set(session, sendAway(session, clock));
      break;
    }
    asked.set(next, sendAway(next, clock));
    if (waiting.length > 1) await pause(leftMs / waiting.length, undefined, clock);
  }
  await Promise.all(asked.values());
}

async function sendAway(session: ServerHttp2Session, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  session.close();
  const cancel = clock.after(graceMs, () => session.destroy());
  await closed;
  cancel();
}
