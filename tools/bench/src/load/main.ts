import type { LoadOrder } from '../result.ts';
import { Load } from './measure.ts';

/**
 * Plays the sidecars in a process of its own: its order as JSON is its argument, its result JSON on standard output.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as LoadOrder;
const result = await new Load(order, (progress) => console.error(`bench:   ${progress}`)).run();
console.log(JSON.stringify(result));
process.exit(0);
