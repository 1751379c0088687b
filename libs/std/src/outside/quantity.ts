import { err, ok, type Result } from '../result.ts';
import { endOfDigits } from './digits.ts';
import { longest, tooLong } from './limits.ts';

/** An amount of a resource, such as `100m` or `1Gi`: Kubernetes' resource.Quantity. */
export interface Quantity {
  /** The amount is `mantissa` × 10^`exponent`. */
  readonly mantissa: bigint;
  readonly exponent: number;
  /** As Kubernetes writes it: `2000m` is `2`, `1024Mi` is `1Gi`. */
  readonly text: string;
}

type Format = 'decimal' | 'exponent' | 'binary';
interface Suffix {
  readonly format: Format;
  /** The suffix means 10, or 2 where it is binary, to this power. */ readonly power: number;
}

const decimalSuffixes = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const binarySuffixes = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
]);
const maxInt64 = (1n << 63n) - 1n;
const nano = -9;

// Kubernetes' own words: they end up in what its users read.
const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";
const wrongNumber = 'unable to parse numeric part of quantity';

/**
 * A quantity as Kubernetes' resource.ParseQuantity reads it: a number and a suffix (`n` to `E`, `Ki` to `Ei`, or `e`
 * with an exponent). What is finer than a nano is rounded up, more than 2^63-1 with a binary suffix is that. Error:
 * Kubernetes' words; other than Kubernetes, texts of more than 128 characters and exponents of more than nine digits
 * are refused.
 */
export function parseQuantity(text: string): Result<Quantity> {
  const length = tooLong(text, longest.quantity);
  if (length !== undefined) return err(`unable to parse quantity: ${length}`);
  const parts = split(text);
  if (!parts) return err(wrongFormat);
  const suffix = readSuffix(parts.suffix);
  if (!suffix) return err(wrongSuffix);
  const { digits, decimals, isNegative } = parts;
  const isShort = fitsInt64(parts, suffix);
  if (!isShort && !parts.hasDigits) return err(wrongNumber);
  const amount = roundUp(digits, suffix, decimals);
  const canonical = isShort && isWrittenCanonically(parts, suffix) ? text : write(amount, suffix.format, isNegative);
  return ok({ mantissa: isNegative ? -amount.mantissa : amount.mantissa, exponent: amount.exponent, text: canonical });
}

interface Parts {
  readonly isNegative: boolean;
  /** False for `m` and `.`, which mean zero. */
  readonly hasDigits: boolean;
  /** All digits without the point and without leading zeros before it; at least one. */
  readonly digits: string;
  /** How many of them stand behind the point. */
  readonly decimals: number;
  readonly suffix: string;
}

function split(text: string): Parts | undefined {
  if (text === '') return undefined;
  const sign = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  let start = sign;
  while (text[start] === '0') start += 1;
  const point = endOfDigits(text, start);
  const end = text[point] === '.' ? endOfDigits(text, point + 1) : point;
  let suffixEnd = end;
  while (suffixEnd < text.length && 'eEinumkKMGTP'.includes(text.charAt(suffixEnd))) suffixEnd += 1;
  if (text[suffixEnd] === '-' || text[suffixEnd] === '+') suffixEnd += 1;
  if (endOfDigits(text, suffixEnd) !== text.length) return undefined;
  const decimals = text.slice(point + 1, end);
  const hasDigits = point > sign || decimals !== '';
  return {
    isNegative: text.startsWith('-'),
    digits: (text.slice(start, point) || '0') + decimals,
    decimals: decimals.length,
    suffix: text.slice(end),
    hasDigits,
  };
}

function readSuffix(suffix: string): Suffix | undefined {
  const [decimal, binary] = [decimalSuffixes.get(suffix), binarySuffixes.get(suffix)];
  if (decimal !== undefined) return { format: 'decimal', power: decimal };
  if (binary !== undefined) return { format: 'binary', power: binary };
  if (!suffix.startsWith('e') && !suffix.startsWith('E')) return undefined;
  const start = suffix[1] === '-' || suffix[1] === '+' ? 2 : 1;
  const isNumber = suffix.length > start && suffix.length <= start + 9 && endOfDigits(suffix, start) === suffix.length;
  return isNumber ? { format: 'exponent', power: Number(suffix.slice(1)) } : undefined;
}

interface Amount {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** The exact amount, at least a nano fine, at most what an int64 holds where the suffix is binary. */
function roundUp(digits: string, { format, power }: Suffix, decimals: number): Amount {
  const isBinary = format === 'binary';
  const mantissa = BigInt(digits) * (isBinary ? 1n << BigInt(power) : 1n);
  const exponent = (isBinary ? 0 : power) - decimals;
  const rounded =
    exponent >= nano || mantissa === 0n
      ? { mantissa, exponent }
      : { mantissa: divideUp(mantissa, nano - exponent), exponent: nano };
  return isBinary && rounded.mantissa > maxInt64 * 10n ** BigInt(-rounded.exponent)
    ? { mantissa: maxInt64, exponent: 0 }
    : rounded;
}

/** The quotient of a positive number and 10^power, rounded up; a power far beyond its digits costs nothing. */
function divideUp(mantissa: bigint, power: number): bigint {
  if (power > 2 * longest.quantity) return 1n;
  const divisor = 10n ** BigInt(power);
  return (mantissa + divisor - 1n) / divisor;
}

/**
 * Kubernetes reads numbers of few digits another way than long ones, and accepts there that there is no digit at all.
 */
function fitsInt64({ digits, decimals }: Parts, { format, power }: Suffix): boolean {
  if (format === 'binary') return decimals === 0 && digits.length + Math.trunc((power * 3) / 10) <= 14;
  return digits.length <= 18 && power - decimals >= nano;
}

/** Kubernetes keeps such short numbers as they were written, `1.500` and `+5` among them. */
function isWrittenCanonically({ digits, decimals }: Parts, { format, power }: Suffix): boolean {
  if (format === 'binary') return BigInt(digits) % 8n !== 0n;
  return (power - decimals) % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

function write({ mantissa, exponent }: Amount, format: Format, isNegative: boolean): string {
  if (mantissa === 0n) return '0';
  const sign = isNegative ? '-' : '';
  const binary = format === 'binary' ? wholeNumber({ mantissa, exponent }) : undefined;
  if (binary !== undefined && binary >= 1024n) {
    const [amount, times] = withoutFactors(binary, 1024n);
    return `${sign}${amount}${[...binarySuffixes.keys()][times - 1] ?? ''}`;
  }
  const [plain, times] = withoutFactors(mantissa, 10n);
  const places = (((exponent + times) % 3) + 3) % 3;
  const power = exponent + times - places;
  const suffix = format === 'exponent' ? undefined : [...decimalSuffixes].find(([, value]) => value === power)?.[0];
  return `${sign}${plain * 10n ** BigInt(places)}${suffix ?? (power === 0 ? '' : `e${power}`)}`;
}

/** The amount where it has no fraction; its exponent is never positive with a binary suffix. */
function wholeNumber({ mantissa, exponent }: Amount): bigint | undefined {
  const divisor = 10n ** BigInt(-exponent);
  return mantissa % divisor === 0n ? mantissa / divisor : undefined;
}

function withoutFactors(amount: bigint, factor: bigint): readonly [bigint, number] {
  let [rest, times] = [amount, 0];
  while (rest % factor === 0n) [rest, times] = [rest / factor, times + 1];
  return [rest, times];
}
