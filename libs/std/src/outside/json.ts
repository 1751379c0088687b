import { printable } from '../printable.ts';
import { err, messageOf, ok, type Result } from '../result.ts';
import { setMember } from './members.ts';
import { annotationLimits, overLimit, Refusal, type JsonLimits, type ReadProblem } from './read-limits.ts';

const code = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  backslash: 0x5c,
  listStart: 0x5b,
  listEnd: 0x5d,
  objectStart: 0x7b,
  objectEnd: 0x7d,
};

/**
 * The value of a JSON text (RFC 8259; of a key given twice the last value, as Go reads it). Its nesting and its nodes
 * are counted in one pass over the text before anything is made of it. `__proto__` and the like are members as any
 * others. A surrogate without its pair reads as U+FFFD, as Go's encoding/json reads it: nothing can encode it as UTF-8.
 * Never throws.
 */
export function readJson(text: string, limits: JsonLimits = annotationLimits): Result<unknown, ReadProblem> {
  try {
    measure(text, limits);
    const value: unknown = JSON.parse(text);
    return ok(surrogateEscape.test(text) || !text.isWellFormed() ? wellFormed(value) : value);
  } catch (thrown) {
    return err(
      thrown instanceof Refusal
        ? thrown.problem
        : { code: 'json-syntax', message: `not valid JSON: ${printable(messageOf(thrown))}` },
    );
  }
}

const surrogateEscape = /\\u[dD][89a-fA-F]/;

/** The value with U+FFFD in place of each lone surrogate in its texts and keys. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(wellFormed);
  const members: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) setMember(members, key.toWellFormed(), wellFormed(member));
  return members;
}

/** A JSON object; fails for any other value, too. */
export function readJsonObject(
  text: string,
  limits?: JsonLimits,
): Result<Readonly<Record<string, unknown>>, ReadProblem> {
  const read = readJson(text, limits);
  if (!read.ok) return read;
  const { value } = read;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return ok(value as Readonly<Record<string, unknown>>);
  return err({ code: 'json-syntax', message: 'not a JSON object' });
}

/**
 * Throws a Refusal at the first character beyond a limit. In a text that is not JSON it may count too much or too
 * little.
 */
function measure(text: string, limits: JsonLimits): void {
  const refuse = (limit: keyof JsonLimits, offset: number): never => {
    throw new Refusal(
      overLimit(limit, limits[limit], offset < 0 ? undefined : text.slice(0, offset).split('\n').length),
    );
  };
  if (text.length > limits.length) refuse('length', -1);
  let [depth, nodes, keys] = [0, 1, 0];
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case code.quote: {
        const start = i;
        for (i += 1; i < text.length && text.charCodeAt(i) !== code.quote; i += 1)
          if (text.charCodeAt(i) === code.backslash) i += 1;
        if (i - start - 1 > limits.scalarLength) refuse('scalarLength', start);
        break;
      }
      case code.listStart:
      case code.objectStart:
        if ((depth += 1) > limits.depth) refuse('depth', i);
        if ((nodes += 1) > limits.nodes) refuse('nodes', i);
        break;
      case code.listEnd:
      case code.objectEnd:
        depth -= 1;
        break;
      case code.comma:
        if ((nodes += 1) > limits.nodes) refuse('nodes', i);
        break;
      case code.colon:
        if ((keys += 1) > limits.keys) refuse('keys', i);
    }
  }
}
