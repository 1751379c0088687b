import type { ServerHttp2Session } from 'node:http2';
import { pause, type Clock } from '@flotilla/std';

/** Time for the calls of a connection to end by themselves. */
const graceMs = 1000;
/** Connections are looked through no more often, however many there are: several may be closed at a time. */
const stepMs = 20;

/**
 * Disconnects clients evenly over `ms`, so that they do not all connect to the other replicas at once. Each is asked
 * to open a new connection (GOAWAY; RFC 9113, 6.8); calls that have not ended after a second are ended. `sessions` may
 * grow and shrink meanwhile. Resolves early when none are left, and at the end of `ms` in any case; later connections
 * are not disconnected.
 */
export async function drain(
  sessions: ReadonlySet<ServerHttp2Session>,
  { ms, clock }: { readonly ms: number; readonly clock: Clock },
): Promise<void> {
  const closing = new Map<ServerHttp2Session, Promise<void>>();
  const end = clock.now() + Math.max(0, ms - graceMs);
  for (;;) {
    const waiting = [...sessions].filter((session) => !closing.has(session));
    if (waiting.length === 0) break;
    const leftMs = end - clock.now();
    const count = leftMs > 0 ? Math.ceil((waiting.length * stepMs) / leftMs) : Infinity;
    for (const session of waiting.slice(0, count)) closing.set(session, disconnect(session, clock));
    if (leftMs <= 0) break;
    if (waiting.length > count) await pause((leftMs / waiting.length) * count, undefined, clock);
  }
  await Promise.all(closing.values());
}

async function disconnect(session: ServerHttp2Session, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  session.close();
  const cancel = clock.after(graceMs, () => session.destroy());
  await closed;
  cancel();
}
