import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { podOf, post, reviewOf } from '../clients/webhook.ts';
import { certificateFor } from '../clients/workload.ts';
import { monitoringPort } from '../mesh/places.ts';
import type { Clients, Order, Sample, Watched } from './orders.ts';
import { fetchConfiguration } from './sidecar.ts';
import { residentBytes, timed } from './waiting.ts';

// A thread of its own: an attacker that computes does not hold up those who watch.
const port = parentPort;
if (!port) throw new Error('this runs as a worker thread');
// Longer than any bound: on a busy machine most of it may be time without a core.
const healthLimitMs = 20_000;
const servedLimitMs = 20_000;
const every = { health: 200, served: 400, workload: 500 };

let watched: readonly Watched[] = [];
let clients: Clients | undefined;
const pidOf = (name: string): number | undefined => watched.find((one) => one.name === name)?.pid;
const tell = (sample: Sample): void => port.postMessage(sample);

async function checkHealth({ address, isNats }: Watched): Promise<void> {
  const signal = AbortSignal.timeout(healthLimitMs);
  if (!isNats) {
    const answer = await fetch(`http://${address}:${monitoringPort}/healthz/live`, {
      signal,
      headers: { connection: 'close' },
    });
    if (!answer.ok) throw new Error(`/healthz/live answered ${answer.status}`);
    return;
  }
  // nats-server greets before it asks for TLS.
  const socket = connect({ host: address, port: 4222 });
  try {
    await once(socket, 'data', { signal });
  } finally {
    socket.destroy();
  }
}

const loops = new Set<string>();
function watch(name: string): void {
  if (loops.has(name)) return;
  loops.add(name);
  void (async () => {
    for (let one = find(name); one; one = find(name)) {
      const { pid } = one;
      const target = one;
      if (pid !== undefined) {
        tell({ what: 'health', who: name, ...(await timed(pid, healthLimitMs, () => checkHealth(target))) });
        const bytes = residentBytes(pid);
        if (bytes !== undefined)
          tell({ what: 'memory', who: name, began: Date.now(), ended: Date.now(), ms: 0, bytes });
      }
      await pause(every.health);
    }
    loops.delete(name);
  })();
}
const find = (name: string): Watched | undefined => watched.find((one) => one.name === name);

interface Client {
  /** The process that serves it. */
  readonly server: (given: Clients) => string;
  readonly pauseMs: number;
  /** What it does again and again; a sidecar gives what it was sent. */
  readonly once: (given: Clients) => Promise<Sample['xds']>;
}

async function serve(what: Sample['what'], { server, pauseMs, once: run }: Client): Promise<never> {
  for (;;) {
    if (clients) {
      const given = clients;
      let xds: Sample['xds'];
      const measured = await timed(pidOf(server(given)), servedLimitMs, async () => {
        xds = await run(given);
      });
      tell({ what, who: server(given), ...measured, ...(xds ? { xds } : {}) });
    }
    await pause(pauseMs);
  }
}

void serve('sidecar', {
  server: ({ sidecar }) => sidecar.server,
  pauseMs: every.served,
  once: ({ sidecar }) => fetchConfiguration(sidecar, servedLimitMs),
});
void serve('workload', {
  server: ({ workload }) => workload.server,
  pauseMs: every.workload,
  once: async ({ workload }) => {
    await certificateFor(workload.ca, workload.token);
    return undefined;
  },
});
void serve('api-server', {
  server: ({ apiServer }) => apiServer.server,
  pauseMs: every.served,
  once: async ({ apiServer }) => {
    const { status, body } = await post(apiServer.webhook, reviewOf(podOf()), { timeoutMs: servedLimitMs });
    if (status !== 200 || !body.includes('"patch"'))
      throw new Error(`the webhook answered ${status}: ${body.slice(0, 200)}`);
    return undefined;
  },
});
port.on('message', (order: Order) => {
  ({ watched, clients } = order);
  for (const { name } of watched) watch(name);
});
