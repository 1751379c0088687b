import { setFlagsFromString } from 'node:v8';

/**
 * How much memory the process takes beyond what is alive in it; to be called when it starts.
 *
 * 1. Buffers count with the heap in what the process may grow by. V8 otherwise collects the whole heap for every few
 *    dozen MB of buffers, however large the heap: writing 300 kB to each of 100 streams is enough, and three quarters
 *    of what that costs.
 * 2. The heap is collected when it is twice as large as what was alive after the last collection. That is the most that
 *    V8 allows on machines with little memory; where there is much, it allows four times as much (MaxGrowingFactor of
 *    V8's heap controller), although a pod may have little of it.
 */
export function boundHeapGrowth(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=100');
}
