import { parseAddress, parsePrefix } from '@flotilla/rules';
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

/** An address or CIDR as written, host bits kept; undefined when it is neither. */
export function cidr(text: string): envoy.config.core.v3.ICidrRange | undefined {
  const prefix = parsePrefix(text);
  if (prefix.ok) return { addressPrefix: text.slice(0, text.indexOf('/')), prefixLen: { value: prefix.value.length } };
  const address = parseAddress(text);
  return address.ok && address.value.zone === undefined
    ? { addressPrefix: text, prefixLen: { value: 8 * address.value.bytes.length } }
    : undefined;
}

/** The names in `[a][b c]`; undefined when the text isn't of that form. */
export function bracketed(text: string): string[] | undefined {
  if (!/^(\[[^[\]]+\])+$/.test(text)) return undefined;
  return text.slice(1, -1).split('][');
}
