import { formatAddress, parseAddress, parsePrefix } from '@flotilla/rules';
import { envoy } from '@flotilla/proto-gen/envoy';

type IStringMatcher = envoy.type.matcher.v3.IStringMatcher;
type IHeaderMatcher = envoy.config.route.v3.IHeaderMatcher;
type IMetadataMatcher = envoy.type.matcher.v3.IMetadataMatcher;

const regex = (pattern: string): IStringMatcher => ({ safeRegex: { regex: pattern } });
const anything = regex('.+');

/**
 * A pattern of a policy: exact, `prefix*`, `*suffix` or `*` for anything but nothing. `before` is put in front of what
 * is compared.
 */
export function stringMatch(pattern: string, before = ''): IStringMatcher {
  if (pattern === '*') return anything;
  if (pattern.startsWith('*'))
    return before === '' ? { suffix: pattern.slice(1) } : regex(`${before}.*${pattern.slice(1)}`);
  if (pattern.endsWith('*')) return { prefix: before + pattern.slice(0, -1) };
  return { exact: before + pattern };
}

export const namespaceMatch = (pattern: string): IStringMatcher => regex(`.*/ns/${pattern.replaceAll('*', '.*')}/.*`);

/** The same patterns on a header. */
export function headerMatch(name: string, pattern: string): IHeaderMatcher {
  if (pattern === '*') return { name, presentMatch: true };
  if (pattern.startsWith('*')) return { name, suffixMatch: pattern.slice(1) };
  if (pattern.endsWith('*')) return { name, prefixMatch: pattern.slice(0, -1) };
  return { name, exactMatch: pattern };
}

/** Hosts are compared without case. */
export const hostMatch = (pattern: string): IHeaderMatcher =>
  pattern === '*'
    ? headerMatch(':authority', pattern)
    : { name: ':authority', stringMatch: { ...stringMatch(pattern), ignoreCase: true } };

export const metadataMatch = (filter: string, path: readonly string[], match: IStringMatcher): IMetadataMatcher => ({
  filter,
  path: path.map((key) => ({ key })),
  value: { stringMatch: match },
});
export const metadataListMatch = (
  filter: string,
  path: readonly string[],
  match: IStringMatcher,
): IMetadataMatcher => ({
  filter,
  path: path.map((key) => ({ key })),
  value: { listMatch: { oneOf: { stringMatch: match } } },
});

/**
 * An address or CIDR in Go's spelling, host bits kept (Istio's AddrStrToCidrRange); undefined when it is neither. An
 * address with a zone, which Envoy refuses, is not one either.
 */
export function cidr(text: string): envoy.config.core.v3.ICidrRange | undefined {
  const prefix = parsePrefix(text);
  if (prefix.ok) return { addressPrefix: formatAddress(prefix.value), prefixLen: { value: prefix.value.length } };
  const address = parseAddress(text);
  return address.ok && address.value.zone === undefined
    ? { addressPrefix: formatAddress(address.value), prefixLen: { value: 8 * address.value.bytes.length } }
    : undefined;
}

/** The text between the first bracket and the last; undefined when they are not at both ends. */
export const inBrackets = (text: string): string | undefined =>
  text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : undefined;

/**
 * The names in `[a][b c]`. A text of another form that begins and ends with a bracket is one name; undefined for any
 * other.
 */
export function bracketed(text: string): string[] | undefined {
  if (/^(\[[^[\]]*\])+$/.test(text)) return text.slice(1, -1).split('][');
  const whole = inBrackets(text);
  return whole === undefined ? undefined : [whole];
}
