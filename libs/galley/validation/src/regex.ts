import type { StringMatch } from '@flotilla/model';
import { posixClasses, unicodeClasses } from './re2-classes.ts';

/**
 * What is wrong with a regular expression of RE2, in the words of Go's parser (regexp/syntax); undefined for nothing.
 * It only reads the expression: a program is never made of it, let alone run.
 */
export function re2Mistake(pattern: string): string | undefined {
  if (pattern.length > longestPattern)
    return `error parsing regexp: it has ${pattern.length} characters; at most ${longestPattern} are allowed`;
  /** For each open group, how often the most repeated thing in it is repeated. */
  const groups = [0];
  /** Where the operator before this one begins, when the last thing was an operator. */
  let operator: number | undefined;
  /** How often the last thing is repeated; undefined when there is none that an operator could repeat. */
  let operand: number | undefined;
  const add = (times: number | undefined): void => {
    groups[groups.length - 1] = Math.max(groups.at(-1) ?? 0, operand ?? 0);
    operand = times;
  };
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i);
    const repeat = /^(?:[*+?]|\{(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*)?)?\})\??/.exec(rest);
    if (repeat) {
      const times = timesOf(repeat[0]);
      if (times === undefined) return fail('invalid repeat count', repeat[0].replace(/\?$/, ''));
      if (operand === undefined) return fail('missing argument to repetition operator', repeat[0]);
      if (operator !== undefined)
        return fail('invalid nested repetition operator', pattern.slice(operator, i + repeat[0].length));
      if (times >= 2 && times * operand > maxTimes) return fail('invalid repeat count', repeat[0]);
      operand = times === 0 ? 1 : times * operand;
      operator = i;
      i += repeat[0].length;
      continue;
    }
    operator = undefined;
    if (rest.startsWith('(')) {
      const group = /^\((?:\?(?:P?<\w+>|[imsU]*(?:-[imsU]+)?[:)]))?/.exec(rest)?.[0] ?? '(';
      if (group === '(' && rest.startsWith('(?')) return groupMistake(rest);
      // Flags alone, `(?i)`, are not a thing: an operator after them repeats what is before them.
      if (!group.endsWith(')')) {
        add(undefined);
        groups.push(0);
      }
      i += group.length;
    } else if (rest.startsWith(')')) {
      if (groups.length === 1) return fail('unexpected )', pattern);
      const inside = Math.max(1, groups.pop() ?? 0, operand ?? 0);
      operand = undefined;
      add(inside);
      i += 1;
    } else if (rest.startsWith('|')) {
      add(undefined);
      i += 1;
    } else if (rest.startsWith('[')) {
      const end = endOfClass(rest);
      if (typeof end === 'string') return `error parsing regexp: ${end}`;
      add(1);
      i += end;
    } else if (rest.startsWith('\\Q')) {
      const end = rest.indexOf('\\E');
      if (end !== 2 && rest.length > 2) add(1);
      i += end < 0 ? rest.length : end + 2;
    } else if (rest.startsWith('\\')) {
      const escape = escapeOf(rest);
      if (typeof escape === 'string') return `error parsing regexp: ${escape}`;
      add(1);
      i += escape;
    } else {
      add(1);
      i += rest.codePointAt(0) === rest.charCodeAt(0) ? 1 : 2;
    }
  }
  return groups.length > 1 ? fail('missing closing )', pattern) : undefined;
}

const fail = (code: string, place: string): string => `error parsing regexp: ${code}: \`${place}\``;

/** What is wrong with a group that begins with `(?`: its name, or the first character that is not a flag. */
function groupMistake(text: string): string {
  if (/^\(\?P?</.test(text))
    return fail('invalid named capture', text.includes('>') ? text.slice(0, text.indexOf('>') + 1) : text);
  return fail('invalid or unsupported Perl syntax', /^\(\?[imsU-]*[^]?/u.exec(text)?.[0] ?? text);
}

/** Istio takes no longer ones in matches: Envoy would refuse the program that they make. */
const longestPattern = 1024;
/** RE2 repeats nothing more often; counts inside counts are multiplied. */
const maxTimes = 1000;

/** How often an operator repeats a thing, as far as a count says so; undefined for a count that is not allowed. */
function timesOf(operator: string): number | undefined {
  const [, from, limit] = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/.exec(operator) ?? [];
  if (from === undefined) return operator.startsWith('{') ? undefined : 1;
  const [least, most] = [Number(from), limit === undefined || limit === '' ? Number(from) : Number(limit)];
  return least > maxTimes || most > maxTimes || most < least ? undefined : most;
}

/** How long an escape is, or what is wrong with it. */
function escapeOf(text: string): number | string {
  if (text.length === 1) return 'trailing backslash at end of expression: ``';
  const [unicode, letter, name] = /^\\[pP](?:([A-Z])|\{\^?([A-Za-z_]{1,40})\})/.exec(text) ?? [];
  if (unicode !== undefined)
    return unicodeClasses.has(letter ?? name ?? '') ? unicode.length : `invalid character class range: \`${unicode}\``;
  const found =
    /^\\(?:x(?:[0-9a-fA-F]{2}|\{0{0,10}(?:10[0-9a-fA-F]{4}|[0-9a-fA-F]{1,5})\})|0[0-7]{0,2}|[1-7][0-7]{1,2}|[AbBdDfnrsStvwWza]|[\0-/:-@[-`{-\x7f])/.exec(
      text,
    );
  return found
    ? found[0].length
    : `invalid escape sequence: \`${/^\\(?:x\{?[0-9a-fA-F]*)?[^]?/u.exec(text)?.[0] ?? text}\``;
}

/** How long a character class is, or what is wrong with it. */
function endOfClass(text: string): number | string {
  let i = text.startsWith('[^') ? 2 : 1;
  for (let first = true; i < text.length; first = false) {
    if (text[i] === ']' && !first) return i + 1;
    const end = text.startsWith('[:', i) ? text.indexOf(':]', i + 2) : -1;
    const named = end < 0 ? undefined : text.slice(i, end + 2);
    if (named !== undefined && !posixClasses.has(named.slice(named[2] === '^' ? 3 : 2, -2)))
      return `invalid character class range: \`${named}\``;
    const low = named ?? itemOf(text.slice(i));
    if (typeof low !== 'string') return low.mistake;
    i += low.length;
    if (
      named !== undefined ||
      /^\\[pPdDsSwW]/.test(low) ||
      text[i] !== '-' ||
      text[i + 1] === ']' ||
      i + 1 >= text.length
    )
      continue;
    const high = itemOf(text.slice(i + 1));
    if (typeof high !== 'string') return high.mistake;
    if (/^\\[pPdDsSwW]/.test(high)) return `invalid escape sequence: \`${high.slice(0, 2)}\``;
    if (characterOf(low) > characterOf(high)) return `invalid character class range: \`${low}-${high}\``;
    i += 1 + high.length;
  }
  return `missing closing ]: \`${text}\``;
}

/** The next character of a class, or escape; those that mean a place rather than a character are not allowed there. */
function itemOf(text: string): string | { readonly mistake: string } {
  if (!text.startsWith('\\')) return String.fromCodePoint(text.codePointAt(0) ?? 0);
  const escape = /^\\[AbBzQE]/.test(text) ? `invalid escape sequence: \`${text.slice(0, 2)}\`` : escapeOf(text);
  return typeof escape === 'string' ? { mistake: escape } : text.slice(0, escape);
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** The code of a character of a class. */
function characterOf(item: string): number {
  if (!item.startsWith('\\')) return item.codePointAt(0) ?? 0;
  const hex = /^\\x\{?([0-9a-fA-F]+)/.exec(item)?.[1];
  if (hex !== undefined) return Number(`0x${hex}`);
  return /^\\[0-7]/.test(item) ? Number(`0o${item.slice(1)}`) : (controls[item.slice(1)] ?? item.charCodeAt(1));
}

/**
 * A regular expression of a match; `where` is its field. Longer ones would be refused by Envoy for their program's
 * size.
 */
export function matchRegexMistake(pattern: string, where: string): string | undefined {
  if (pattern.length > longestPattern)
    return `${JSON.stringify(where)}: regex is too large, max length allowed is ${longestPattern}`;
  const mistake = re2Mistake(pattern);
  return mistake === undefined
    ? undefined
    : `${JSON.stringify(where)}: ${mistake}; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)`;
}

/** The regular expression of a string match, if it is one. */
export function stringMatchMistake(match: StringMatch | undefined, where: string): string | undefined {
  if (match?.regex === undefined) return undefined;
  return match.regex === ''
    ? `${JSON.stringify(where)}: regex string match should not be empty`
    : matchRegexMistake(match.regex, where);
}
