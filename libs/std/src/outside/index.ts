export {
  formatPrefix,
  isAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  type Address,
  type Prefix,
} from './address.ts';
export { parseNanoseconds, parseSeconds } from './duration.ts';
export { longest, quote, tooLong } from './limits.ts';
export { isFalse, isTrue, maxUint32, parseBool, parseDecimal, parseInteger, parsePort, parseUint } from './number.ts';
export { parseQuantity, type Quantity } from './quantity.ts';
export { parseTimestamp } from './timestamp.ts';
export { withoutTrailing } from './trim.ts';
