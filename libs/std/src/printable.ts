/** What a text is cut to in a log line, a problem or an error unless its place says otherwise. */
const maxPrinted = 200;
/** What a whole message is cut to: it may quote several texts. */
export const maxMessage = 500;

/** Controls, format characters (bidi overrides, zero widths, tags), line and paragraph separators, lone surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escape = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  return short[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`);
};

/**
 * A text from outside as it may stand in a log line, a message or on a terminal: one line, at most `max` characters of
 * it, then how many more there were; what could move a cursor, reorder text or hide in it is written as an escape
 * (`\n`, `\u202e`). The work is that of `max` characters, however long the text.
 */
export function printable(text: string, max = maxPrinted): string {
  if (text.length <= max) return text.replace(unprintable, escape);
  const last = text.charCodeAt(max - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? max - 1 : max;
  return `${text.slice(0, end).replace(unprintable, escape)}… (${text.length - end} more)`;
}

export interface PrintableLimits {
  readonly maxText: number;
  /** Of a list or an object. */
  readonly maxItems: number;
  readonly maxDepth: number;
  /** Of all texts together, in characters. */
  readonly maxTotal: number;
}
const fieldLimits: PrintableLimits = { maxText: maxPrinted, maxItems: 20, maxDepth: 4, maxTotal: 2000 };

const secretWords = new Set([
  'key',
  'token',
  'tokens',
  'password',
  'passwords',
  'passwd',
  'secret',
  'authorization',
  'bearer',
  'cookie',
  'jwt',
  'privatekey',
  'apikey',
  'accesstoken',
  'credential',
]);
/** Whether the last word of a name (`private_key`, `bearerToken`, `x-api-key`) says that its value is a secret. */
export function namesSecret(name: string): boolean {
  const words = name
    .slice(-100)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return secretWords.has(words.at(-1) ?? '');
}

/**
 * Data for a log line or a page: texts and keys printable, lists and objects bounded in items and depth, everything
 * together bounded in length; values whose key names a secret are `[redacted]`, bytes are their number, errors their
 * message. Gives only what JSON can hold. Never throws.
 */
export function printableData(value: unknown, limits: Partial<PrintableLimits> = {}): unknown {
  const { maxText, maxItems, maxDepth, maxTotal } = { ...fieldLimits, ...limits };
  let left = maxTotal;
  const text = (given: string, max: number): string => {
    const printed = printable(given, Math.max(1, Math.min(max, left)));
    left -= printed.length;
    return printed;
  };
  const list = (items: readonly unknown[], length: number, depth: number): unknown[] => {
    const kept: unknown[] = [];
    for (const item of items) {
      if (left <= 0) break;
      kept.push(copyOf(item, depth));
    }
    return kept.length < length ? [...kept, `… (${length - kept.length} more)`] : kept;
  };
  const object = (
    entries: readonly (readonly [string, unknown])[],
    count: number,
    depth: number,
  ): Record<string, unknown> => {
    const kept: [string, unknown][] = [];
    for (const [name, item] of entries) {
      if (left <= 0) break;
      kept.push([text(name, 100), namesSecret(name) ? '[redacted]' : copyOf(item, depth)]);
    }
    return Object.fromEntries(kept.length < count ? [...kept, ['…', `${count - kept.length} more`]] : kept);
  };
  const copyOf = (item: unknown, depth: number): unknown => {
    switch (typeof item) {
      case 'string':
        return text(item, maxText);
      case 'number':
      case 'boolean':
        return item;
      case 'bigint':
        return text(String(item), maxText);
      case 'object':
        break;
      default:
        return undefined;
    }
    if (item === null) return null;
    if (item instanceof Error) return text(item.message, maxMessage);
    if (item instanceof Date) return String(item.getTime());
    if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) return `${item.byteLength} bytes`;
    if (depth >= maxDepth) return '…';
    if (Array.isArray(item)) return list(item.slice(0, maxItems), item.length, depth + 1);
    if (item instanceof Set) return list(first(item, maxItems), item.size, depth + 1);
    if (item instanceof Map)
      return object(
        first(item, maxItems).map(
          ([name, one]) =>
            [typeof name === 'object' || typeof name === 'function' ? typeof name : String(name), one] as const,
        ),
        item.size,
        depth + 1,
      );
    const members = item as Readonly<Record<string, unknown>>;
    const names = Object.keys(members);
    return object(
      names.slice(0, maxItems).map((name) => [name, members[name]] as const),
      names.length,
      depth + 1,
    );
  };
  return copyOf(value, 0);
}

function first<T>(items: Iterable<T>, count: number): T[] {
  const kept: T[] = [];
  for (const item of items) {
    if (kept.length >= count) break;
    kept.push(item);
  }
  return kept;
}
