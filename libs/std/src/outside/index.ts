export { parseNanoseconds, parseSeconds } from './duration.ts';
export { longest } from './limits.ts';
export { parseQuantity, type Quantity } from './quantity.ts';
