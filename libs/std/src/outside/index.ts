export { parseNanoseconds, parseSeconds } from './duration.ts';
export { longest, quote, tooLong } from './limits.ts';
export { maxUint32, parseDecimal, parseInteger, parsePort, parseUint } from './number.ts';
export { parseQuantity, type Quantity } from './quantity.ts';
export { parseTimestamp } from './timestamp.ts';
export { withoutTrailing } from './trim.ts';
