import { Worker } from 'node:worker_threads';
import { patience } from '../attack.ts';
import { minimize } from './minimize.ts';
import { maxBytes } from './mutate.ts';
import { place, type Done, type Fault, type Shared, type Work } from './work.ts';

export interface FuzzOptions {
  readonly target: string;
  readonly seed: number;
  readonly count: number;
  readonly durationMs: number;
  /** A thread that is busy with one input for so long will not come back; longer while others use the cores. */
  readonly stuckMs?: number;
  /** The URL of the module that has the target. */
  readonly module?: string;
}
export interface FuzzResult {
  readonly target: string;
  readonly tried: number;
  readonly seconds: number;
  readonly fault?: Fault;
}

const ownTargets = new URL('./targets/index.ts', import.meta.url).href;
const watchMs = 100;

/** Feeds a target with inputs until one is a fault, which is made as small as it goes. */
export async function fuzz({
  target,
  seed,
  count,
  durationMs,
  stuckMs = 10_000,
  module = ownTargets,
}: FuzzOptions): Promise<FuzzResult> {
  const began = Date.now();
  const { tried, fault } = await run((shared) => ({ module, target, shared, seed, count, durationMs }), stuckMs);
  const seconds = (Date.now() - began) / 1000;
  if (!fault) return { target, tried, seconds };
  return {
    target,
    tried,
    seconds,
    fault: await minimize(
      fault,
      async (inputs) => (await run((shared) => ({ module, target, shared, inputs }), stuckMs)).fault,
    ),
  };
}

/** Runs a thread to its end, or to the input that it does not come back from. */
async function run(work: (shared: Shared) => Work, stuckMs: number): Promise<Done> {
  const shared: Shared = {
    state: new Int32Array(new SharedArrayBuffer(8)),
    input: new Uint8Array(new SharedArrayBuffer(maxBytes)),
  };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: work(shared),
    stdout: true,
    stderr: true,
  });
  let [seen, since] = [-1, Date.now()];
  let timer: NodeJS.Timeout | undefined;
  const current = (): Fault['input'] =>
    Uint8Array.from(shared.input.subarray(0, Atomics.load(shared.state, place.length)));
  try {
    return await new Promise<Done>((resolve, reject) => {
      worker.once('message', resolve).once('error', (error) => {
        const tried = Atomics.load(shared.state, place.tried);
        if (tried === 0) reject(error);
        else resolve({ tried, fault: { input: current(), reason: `it ends the thread: ${error.message}` } });
      });
      timer = setInterval(() => {
        const tried = Atomics.load(shared.state, place.tried);
        if (tried !== seen || tried === 0) [seen, since] = [tried, Date.now()];
        else if (Date.now() - since > stuckMs * patience())
          resolve({ tried, fault: { input: current(), reason: `it does not come back within ${stuckMs / 1000} s` } });
      }, watchMs);
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
