import { parentPort, workerData } from 'node:worker_threads';
import { createRandom } from '../random.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';
import { place, type Done, type Fault, type Work } from './work.ts';

/** One input may take so much of the processor's time. */
const maxMs = 1000;
const yieldEvery = 256;

async function main(port: NonNullable<typeof parentPort>, work: Work): Promise<void> {
  const { targets } = (await import(work.module)) as { readonly targets: readonly FuzzTarget[] };
  const target = targets.find(({ name }) => name === work.target);
  if (!target) throw new Error(`there is no target ${work.target}`);
  const read = async (input: Buffer): Promise<Fault | undefined> => {
    work.shared.input.set(input);
    Atomics.store(work.shared.state, place.length, input.length);
    Atomics.add(work.shared.state, place.tried, 1);
    const before = process.threadCpuUsage();
    try {
      const result = target.read(input);
      if (result instanceof Promise) await result;
    } catch (thrown) {
      return {
        input,
        reason: `it throws ${thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)}`,
      };
    }
    const { user, system } = process.threadCpuUsage(before);
    const ms = (user + system) / 1000;
    return ms > maxMs ? { input, reason: `it takes ${(ms / 1000).toFixed(1)} s` } : undefined;
  };
  let tried = 0;
  const inputs = 'inputs' in work ? work.inputs.map((input) => Buffer.from(input)) : made(work, target);
  for (const input of inputs) {
    const fault = await read(input);
    tried += 1;
    if (fault) return port.postMessage({ tried, fault } satisfies Done);
    if (tried % yieldEvery === 0) await new Promise(setImmediate);
  }
  port.postMessage({ tried } satisfies Done);
}

/** Inputs until `count` are made or the time is over; at least one. */
function* made(
  { seed, count, durationMs }: Extract<Work, { seed: number }>,
  { generate, words }: FuzzTarget,
): Iterable<Buffer> {
  const random = createRandom(seed);
  const until = Date.now() + durationMs;
  for (let i = 0; i < count && (i === 0 || Date.now() < until); i += 1)
    yield mutate(Buffer.from(generate(random) as string), words, random);
}

if (!parentPort) throw new Error('this runs as a worker thread');
await main(parentPort, workerData as Work);
