import { err, ok, type Result } from '../result.ts';
import { endOfDigits } from './digits.ts';
import { longest, quote, tooLong } from './limits.ts';

/** The largest number that Go's uint32 holds. */
export const maxUint32 = 2 ** 32 - 1;

/**
 * A whole number without a sign, at most `max`, as Go's strconv.ParseUint reads it. Error: Go's words.
 */
export function parseUint(text: string, max: number): Result<number> {
  const wrong = (why: string): Result<never> => err(`strconv.ParseUint: parsing ${quote(text)}: ${why}`);
  const length = tooLong(text, longest.number);
  if (length !== undefined) return wrong(length);
  if (text === '' || endOfDigits(text, 0) !== text.length) return wrong('invalid syntax');
  return Number(text) <= max ? ok(Number(text)) : wrong('value out of range');
}

/**
 * A whole number of 64 bits as Go's strconv.Atoi reads it; those that a float64 does not hold exactly are rounded.
 * Error: Go's words.
 */
export function parseInteger(text: string): Result<number> {
  const wrong = (why: string): Result<never> => err(`strconv.Atoi: parsing ${quote(text)}: ${why}`);
  const length = tooLong(text, longest.number);
  if (length !== undefined) return wrong(length);
  const start = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  if (text.length === start || endOfDigits(text, start) !== text.length) return wrong('invalid syntax');
  const number = BigInt(text.slice(start)) * (text.startsWith('-') ? -1n : 1n);
  return BigInt.asIntN(64, number) === number ? ok(Number(number)) : wrong('value out of range');
}

/** A port: 0 to 65535; undefined for anything else. */
export function parsePort(text: string): number | undefined {
  const port = parseUint(text, 65_535);
  return port.ok ? port.value : undefined;
}

/**
 * A number as JSON writes it, or `NaN`, `Infinity` and `-Infinity` (Protocol Buffers' "ProtoJSON Format"); undefined
 * for anything else.
 */
export function parseDecimal(text: string): number | undefined {
  if (tooLong(text, longest.number) !== undefined) return undefined;
  return /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|NaN|-?Infinity)$/.test(text) ? Number(text) : undefined;
}
