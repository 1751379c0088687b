import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly host: string;
  readonly path: string;
}
/** One request: epoch milliseconds, and what came back; status 0 when nothing did. */
export interface Sample {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly body: string;
}

const timeoutMs = 10_000;

/** One request to the mesh, over a connection of `agent`; never rejects. */
export const send = ({ ip, port, host, path }: Target, agent: Agent): Promise<Sample> =>
  new Promise((resolve) => {
    const at = Date.now();
    const done = (status: number, body = ''): void => resolve({ at, ms: Date.now() - at, status, body });
    const sent = get({ host: ip, port, path, agent, timeout: timeoutMs, headers: { host } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
      response.on('error', () => done(0));
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => done(0));
  });

const warmUpMs = 10_000;

/**
 * Waits until a target answers with 200: pods are ready before every proxy knows that they are. Rejects with the last
 * answer when it never does.
 */
export async function untilServed(target: Target): Promise<void> {
  const agent = new Agent({ keepAlive: false });
  for (const end = Date.now() + warmUpMs; ;) {
    const { status, body } = await send(target, agent);
    if (status === 200) return;
    if (Date.now() > end) throw new Error(`${target.host}${target.path} is not served: status ${status} ${body}`);
    await pause(50);
  }
}

export interface Load {
  /** Ends sending; resolves when everything that was sent has come back. */
  stop(): Promise<void>;
}

/** Sends requests at an even rate whatever becomes of them (an open loop), and hands on each when it has ended. */
export function startLoad(target: Target, perSecond: number, onSample: (sample: Sample) => void): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const open = new Set<Promise<void>>();
  const begun = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begun) * perSecond) / 1000);
    for (; sent < due; sent += 1) {
      const one: Promise<void> = send(target, agent)
        .then(onSample)
        .finally(() => open.delete(one));
      open.add(one);
    }
  }, 1000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
    },
  };
}
