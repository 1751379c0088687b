import { setFlagsFromString } from 'node:v8';

/**
 * Buffers count with the heap in what the process may grow by. V8 otherwise collects the whole heap for every few dozen
 * MB of buffers, however large the heap: writing 300 kB to each of 100 streams is enough, and three quarters of what
 * that costs.
 */
export const countBuffersWithHeap = (): void => setFlagsFromString('--external-memory-accounted-in-global-limit');
