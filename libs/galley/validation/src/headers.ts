import { quoted } from './report.ts';

export const isAuthority = (name: string): boolean => ['host', ':authority'].includes(name.toLowerCase());

/**
 * The name of a header to match, or one that CORS or a probe names (Istio 1.19, ValidateHTTPHeaderName): pseudo-headers
 * and any other text will do.
 */
export const headerNameMistake = (name: string): string | undefined =>
  name === '' ? 'header name cannot be empty' : undefined;

const pseudoMistake = (name: string): string | undefined =>
  name.startsWith(':') ? `invalid header ${quoted(name)}: header cannot have ":" prefix` : undefined;

/** A request header that a rule sets or adds: the authority may be, other pseudo-headers may not. */
export const requestHeaderMistake = (name: string): string | undefined =>
  headerNameMistake(name) ?? (isAuthority(name) ? undefined : pseudoMistake(name));
/** A request header that a destination sets or adds: `Host` may be, pseudo-headers may not. */
export const destinationHeaderMistake = (name: string): string | undefined =>
  headerNameMistake(name) ?? pseudoMistake(name);
/** A header that is removed, or that is of a response. */
export const otherHeaderMistake = (name: string): string | undefined =>
  headerNameMistake(name) ??
  (name.toLowerCase() === 'host' ? `invalid header ${quoted(name)}: cannot set Host header` : pseudoMistake(name));

/**
 * The parts that Envoy's header formatter reads, each with what may follow it: `%VAR%`, `%VAR(["a", "b"])%`,
 * `%VAR(text)%`, `%%`.
 */
export function headerValueMistake(value: string): string | undefined {
  if (!/^[^\u0000-\u0008\u000A-\u001F\u007F]*$/.test(value)) return `header value configuration ${value} is invalid`;
  const wrong = (why: string): string => `header value configuration: invalid header configuration. ${why}`;
  const unterminated = wrong(`Un-terminated variable expression '${value}'`);
  let position = 0;
  while ((position = value.indexOf('%', position)) >= 0) {
    if (position === value.length - 1) return wrong('Un-escaped %');
    if (value[position + 1] === '%') {
      position += 2;
      continue;
    }
    const name = /^%[^%(]*/.exec(value.slice(position))?.[0] ?? '%';
    position += name.length;
    if (value[position] === '(') {
      const after = endOfArguments(value, position + 1);
      if (typeof after === 'string') return wrong(after);
      if (after === undefined) return unterminated;
      position = after;
    }
    if (value[position] !== '%') return unterminated;
    position += 1;
  }
  return undefined;
}

/** The position of the closing `%` of `%VAR(`; undefined when the text ends before it, or what is there instead. */
function endOfArguments(value: string, start: number): number | string | undefined {
  const skip = (from: number): number => from + (/^ */.exec(value.slice(from))?.[0].length ?? 0);
  let position = skip(start);
  if (value[position] === '[') {
    for (position = skip(position + 1); ; position = skip(position + 1)) {
      if (position >= value.length) return undefined;
      if (value[position] !== '"') return "Expecting '\"'";
      const text = /^"(?:\\.|[^"\\])*"/.exec(value.slice(position));
      if (!text) return undefined;
      position = skip(position + text[0].length);
      if (value[position] === ']') break;
      if (position < value.length && value[position] !== ',') return "Expecting ',', ']', or whitespace";
      if (position >= value.length) return undefined;
    }
    position = skip(position + 1);
    if (position < value.length && value[position] !== ')')
      return "Expecting ')' or whitespace after '{}', but found '{}'";
  } else {
    position = value.indexOf(')', position + 1);
  }
  if (position < 0 || position >= value.length) return undefined;
  position = skip(position + 1);
  return position >= value.length
    ? undefined
    : value[position] === '%'
      ? position
      : "Expecting '%' or whitespace after";
}
