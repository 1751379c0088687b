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
  let at = 0;
  while ((at = value.indexOf('%', at)) >= 0) {
    if (at === value.length - 1) return wrong('Un-escaped %');
    if (value[at + 1] === '%') {
      at += 2;
      continue;
    }
    const name = /^%[^%(]*/.exec(value.slice(at))?.[0] ?? '%';
    at += name.length;
    if (value[at] === '(') {
      const after = endOfArguments(value, at + 1);
      if (typeof after === 'string') return wrong(after);
      if (after === undefined) return unterminated;
      at = after;
    }
    if (value[at] !== '%') return unterminated;
    at += 1;
  }
  return undefined;
}

/** Where the closing `%` of `%VAR(` stands, undefined when the text ends before it, or what stands there instead. */
function endOfArguments(value: string, start: number): number | string | undefined {
  const skip = (from: number): number => from + (/^ */.exec(value.slice(from))?.[0].length ?? 0);
  let at = skip(start);
  if (value[at] === '[') {
    for (at = skip(at + 1); ; at = skip(at + 1)) {
      if (at >= value.length) return undefined;
      if (value[at] !== '"') return "Expecting '\"'";
      const text = /^"(?:\\.|[^"\\])*"/.exec(value.slice(at));
      if (!text) return undefined;
      at = skip(at + text[0].length);
      if (value[at] === ']') break;
      if (at < value.length && value[at] !== ',') return "Expecting ',', ']', or whitespace";
      if (at >= value.length) return undefined;
    }
    at = skip(at + 1);
    if (at < value.length && value[at] !== ')') return "Expecting ')' or whitespace after '{}', but found '{}'";
  } else {
    at = value.indexOf(')', at + 1);
  }
  if (at < 0 || at >= value.length) return undefined;
  at = skip(at + 1);
  return at >= value.length ? undefined : value[at] === '%' ? at : "Expecting '%' or whitespace after";
}
