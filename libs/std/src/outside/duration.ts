import { err, ok, type Result } from '../result.ts';
import { endOfDigits, isDigitAt } from './digits.ts';
import { longest, tooLong } from './limits.ts';

const unitNanoseconds: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);
const limit = 1n << 63n;

/**
 * Nanoseconds of a duration such as `1h2m3.5s` or `-1.5s`, as Go's time.ParseDuration reads it: a sign, then amounts
 * with their units, or `0`. Range: -2^63 to 2^63-1 nanoseconds (about 292 years). Error: why the text is not a
 * duration.
 */
export function parseNanoseconds(text: string): Result<bigint> {
  const length = tooLong(text, longest.duration);
  if (length !== undefined) return err(length);
  const isNegative = text.startsWith('-');
  let index = isNegative || text.startsWith('+') ? 1 : 0;
  if (text.length === index) return err('it is empty');
  if (text.length === index + 1 && text.endsWith('0')) return ok(0n);
  let sum = 0n;
  while (index < text.length) {
    const amount = readAmount(text, index);
    if (!amount.ok) return amount;
    sum += amount.value.nanoseconds;
    if (sum > limit) return err(outOfRange);
    index = amount.value.end;
  }
  if (!isNegative && sum === limit) return err(outOfRange);
  return ok(isNegative ? -sum : sum);
}

/** Seconds of such a duration; a float64 is exact to the nanosecond up to 104 days. */
export function parseSeconds(text: string): Result<number> {
  const nanoseconds = parseNanoseconds(text);
  return nanoseconds.ok ? ok(Number(nanoseconds.value) / 1e9) : nanoseconds;
}

const outOfRange = 'it is out of range: at most about 292 years';

/** One amount with its unit, such as `1.5h`, from `start` on. */
function readAmount(text: string, start: number): Result<{ readonly nanoseconds: bigint; readonly end: number }> {
  const point = endOfDigits(text, start);
  const digitsEnd = text[point] === '.' ? endOfDigits(text, point + 1) : point;
  if (point === start && digitsEnd <= point + 1) return err('it has no number where one is expected');
  let end = digitsEnd;
  while (end < text.length && text[end] !== '.' && !isDigitAt(text, end)) end += 1;
  if (end === digitsEnd) return err('it has a number without a unit');
  const unit = unitNanoseconds.get(text.slice(digitsEnd, end));
  if (unit === undefined) return err('it has an unknown unit; the units are ns, us, ms, s, m and h');
  const whole = BigInt(text.slice(start, point) || '0');
  if (whole > limit / unit) return err(outOfRange);
  return ok({ nanoseconds: whole * unit + fractionOf(text.slice(point + 1, digitsEnd), unit), end });
}

/** Go adds the fraction as a float64, of the digits that fit a 63-bit number: the same nanoseconds come out here. */
function fractionOf(digits: string, unit: bigint): bigint {
  let [value, scale] = [0n, 1];
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > (limit - 1n) / 10n || next > limit) break;
    value = next;
    scale *= 10;
  }
  return value === 0n ? 0n : BigInt(Math.trunc(Number(value) * (Number(unit) / scale)));
}
