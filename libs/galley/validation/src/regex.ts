import type { StringMatch } from '@flotilla/model';

/** What is wrong with a regular expression of RE2, in the words of Go's parser; undefined for nothing. */
export function re2Mistake(pattern: string): string | undefined {
  const fail = (code: string, at: string): string => `error parsing regexp: ${code}: \`${at}\``;
  let depth = 0;
  /** Where the operator before this one begins, when the last thing was an operator. */
  let operator: number | undefined;
  let hasOperand = false;
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i);
    const repeat = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(rest);
    if (repeat) {
      if (!hasOperand) return fail('missing argument to repetition operator', repeat[0]);
      if (operator !== undefined) return fail('invalid nested repetition operator', pattern.slice(operator, i + repeat[0].length));
      const [, from = '0', to] = /^\{(\d+)(?:,(\d*))?\}/.exec(rest) ?? [];
      if (Number(from) > 1000 || Number(to ?? 0) > 1000 || (to && Number(to) < Number(from))) return fail('invalid repeat count', repeat[0]);
      operator = i;
      i += repeat[0].length;
      continue;
    }
    operator = undefined;
    hasOperand = true;
    if (rest.startsWith('(')) {
      const group = /^\((?:\?(?:P?<[A-Za-z_]\w*>|[imsU]*(?:-[imsU]+)?[:)]))?/.exec(rest)?.[0] ?? '(';
      if (group === '(' && rest.startsWith('(?')) return fail('invalid or unsupported Perl syntax', /^\(\?<?[^a-zA-Z]?/.exec(rest)?.[0] ?? '(?');
      if (!group.endsWith(')')) depth += 1;
      hasOperand = false;
      i += group.length;
    } else if (rest.startsWith(')')) {
      if (depth === 0) return fail('unexpected )', pattern);
      depth -= 1;
      i += 1;
    } else if (rest.startsWith('|')) {
      hasOperand = false;
      i += 1;
    } else if (rest.startsWith('[')) {
      const end = endOfClass(rest);
      if (typeof end === 'string') return `error parsing regexp: ${end}`;
      i += end;
    } else if (rest.startsWith('\\')) {
      const escape = escapeOf(rest);
      if (escape === undefined) return rest.length === 1 ? 'error parsing regexp: trailing backslash at end of expression: ``' : fail('invalid escape sequence', rest.slice(0, 2));
      i += escape;
    } else {
      i += 1;
    }
  }
  return depth > 0 ? fail('missing closing )', pattern) : undefined;
}

/** How long an escape is. */
function escapeOf(text: string): number | undefined {
  if (text.startsWith('\\Q')) {
    const end = text.indexOf('\\E');
    return end < 0 ? text.length : end + 2;
  }
  return /^\\(?:[pP](?:[A-Z]|\{\^?\w+\})|x(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]+\})|0[0-7]{0,2}|[1-7][0-7]{1,2}|[AbBCdDfnrstvwWzaE]|[^A-Za-z0-9])/.exec(text)?.[0].length;
}

/** How long a character class is, or what is wrong with it. */
function endOfClass(text: string): number | string {
  let i = text.startsWith('[^') ? 2 : 1;
  for (let first = true; i < text.length; first = false) {
    if (text[i] === ']' && !first) return i + 1;
    const named = /^\[:\^?\w+:\]/.exec(text.slice(i));
    const low = named?.[0] ?? itemOf(text.slice(i));
    if (low === undefined) return `invalid escape sequence: \`${text.slice(i, i + 2)}\``;
    i += low.length;
    if (named || text[i] !== '-' || text[i + 1] === ']' || i + 1 >= text.length) continue;
    const high = itemOf(text.slice(i + 1));
    if (high === undefined) return `invalid escape sequence: \`${text.slice(i + 1, i + 3)}\``;
    if (low.length === 1 && high.length === 1 && low > high) return `invalid character class range: \`${low}-${high}\``;
    i += 1 + high.length;
  }
  return `missing closing ]: \`${text}\``;
}

const itemOf = (text: string): string | undefined => (text.startsWith('\\') ? text.slice(0, escapeOf(text) ?? 0) || undefined : text[0]);

/** A regular expression of a match; `where` is its field. Longer ones would be refused by Envoy for their program's size. */
export function matchRegexMistake(pattern: string, where: string): string | undefined {
  if (pattern.length > 1024) return `${JSON.stringify(where)}: regex is too large, max length allowed is 1024`;
  const mistake = re2Mistake(pattern);
  return mistake === undefined ? undefined : `${JSON.stringify(where)}: ${mistake}; Istio uses RE2 style regex-based match (https://github.com/google/re2/wiki/Syntax)`;
}

/** The regular expression of a string match, if it is one. */
export function stringMatchMistake(match: StringMatch | undefined, where: string): string | undefined {
  if (match?.regex === undefined) return undefined;
  return match.regex === '' ? `${JSON.stringify(where)}: regex string match should not be empty` : matchRegexMistake(match.regex, where);
}
