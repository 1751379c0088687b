import { readFileSync } from 'node:fs';
import type { Pod } from '../cluster/pod.ts';

/**
 * One request as a proxy logged it, in the access log format of the demo's mesh; null where Envoy has nothing to say.
 */
export interface LogLine {
  /** `x-request-id`: the same in the client's and in the server's log. */
  readonly id: string | null;
  readonly status: number | null;
  readonly path: string | null;
  /** Envoy's response flags, such as `UC` or `NC`, and response code details (Envoy, "Access logging"). */
  readonly flags: string | null;
  readonly details: string | null;
  readonly cluster: string | null;
  /** SPIFFE identities of both ends of the connection that the proxy saw. */
  readonly client: string | null;
  readonly server: string | null;
}

/** What the proxy of a pod has logged so far; empty for a pod without a proxy. */
export function accessLog(pod: Pod): LogLine[] {
  const proxy = pod.containers.find(({ name }) => name === 'istio-proxy');
  if (!proxy) return [];
  return readFileSync(proxy.logFile, 'utf8')
    .split('\n')
    .flatMap((line) => {
      // The agent's own lines are JSON too.
      if (!line.startsWith('{"client":') || !line.endsWith('}')) return [];
      return [JSON.parse(line) as LogLine];
    });
}
