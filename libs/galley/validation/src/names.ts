import { parseInteger } from '@flotilla/std';
import { isAddress } from '@flotilla/rules';
import { quoted } from './report.ts';

/** One label of a DNS name (RFC 1123), in either case. */
export const isDnsLabel = (text: string): boolean =>
  text.length <= 63 && /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(text);
const isWildcardLabel = (text: string): boolean =>
  text.length <= 63 && /^(\*|(\*|\*-)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)$/.test(text);

function sizeMistake(name: string): string | undefined {
  if (name.length > 255) return `domain name ${quoted(name)} too long (max 255)`;
  return name === '' ? 'empty domain name not allowed' : undefined;
}

function labelsMistake(domain: string): string | undefined {
  const labels = domain.split('.');
  const last = labels.at(-1) ?? '';
  if (/^[+-]?\d+$/.test(last))
    return `domain name ${quoted(domain)} invalid (top level domain ${quoted(last)} cannot be all-numeric)`;
  // A dot at the end marks the name as absolute.
  const bad = (last === '' ? labels.slice(0, -1) : labels).find((label) => !isDnsLabel(label));
  return bad === undefined ? undefined : `domain name ${quoted(domain)} invalid (label ${quoted(bad)} invalid)`;
}

/** A whole DNS name. */
export const fqdnMistake = (name: string): string | undefined => sizeMistake(name) ?? labelsMistake(name);

/** A DNS name whose first label may be, or begin with, `*`. */
export function wildcardDomainMistake(name: string): string | undefined {
  const size = sizeMistake(name);
  if (size !== undefined) return size;
  const dot = name.indexOf('.');
  const first = dot < 0 ? name : name.slice(0, dot);
  if (!isWildcardLabel(first)) return `domain name ${quoted(name)} invalid (label ${quoted(first)} invalid)`;
  return dot < 0 ? undefined : labelsMistake(name.slice(dot + 1));
}

/** As above; gateways that pass TLS through also know names such as `outbound_.80_._.web.shop.svc`. */
export function gatewayDomainMistake(name: string, sni: boolean): string | undefined {
  if (!sni || !name.startsWith('outbound_.')) return wildcardDomainMistake(name);
  return (
    sizeMistake(name) ??
    (/outbound_.([0-8].*).*/.test(name) ? undefined : `domain name ${quoted(name)} invalid (label "outbound_" invalid)`)
  );
}

export const partialWildcardMistake = (host: string): string | undefined =>
  host.includes('*') && host.length !== 1 && !host.startsWith('*.')
    ? `partial wildcard ${quoted(host)} not allowed`
    : undefined;

export const portMistake = (port: number): string | undefined =>
  port >= 1 && port <= 65_535 ? undefined : `port number ${port} must be in the range 1..65535`;
export const portNameMistake = (name: string): string | undefined =>
  isDnsLabel(name) ? undefined : `invalid port name: ${name}`;

/** The path of a Unix socket; `@` begins an abstract one. */
export function unixPathMistake(path: string): string | undefined {
  if (path === '') return 'unix address must not be empty';
  return path.startsWith('@') || (path.startsWith('/') && !path.endsWith('/'))
    ? undefined
    : `${path} is not an absolute path to a file`;
}
export const unixPrefix = 'unix://';

/** `host:port`, as Go's net.SplitHostPort takes it. */
export function splitHostPort(
  address: string,
): { readonly host: string; readonly port: string } | { readonly mistake: string } {
  const wrong = (why: string): { mistake: string } => ({
    mistake: address === '' ? why : `address ${address}: ${why}`,
  });
  const colon = address.lastIndexOf(':');
  if (colon < 0) return wrong('missing port in address');
  if (address.startsWith('[')) {
    const end = address.indexOf(']');
    if (end < 0) return wrong("missing ']' in address");
    if (end + 1 === address.length) return wrong('missing port in address');
    if (end + 1 !== colon)
      return wrong(address[end + 1] === ':' ? 'too many colons in address' : 'missing port in address');
    return { host: address.slice(1, end), port: address.slice(colon + 1) };
  }
  return address.indexOf(':') === colon
    ? { host: address.slice(0, colon), port: address.slice(colon + 1) }
    : wrong('too many colons in address');
}

/** `host:port` of a service that proxies call. */
export function addressMistake(address: string): string | undefined {
  const parts = splitHostPort(address);
  if ('mistake' in parts) return `unable to split ${quoted(address)}: ${parts.mistake}`;
  const port = parseInteger(parts.port);
  if (!port.ok) return `port (${parts.port}) is not a number: ${port.error}`;
  const wrong = portMistake(port.value);
  if (wrong !== undefined) return wrong;
  return fqdnMistake(parts.host) !== undefined && !isAddress(parts.host)
    ? `${quoted(parts.host)} is not a valid hostname or an IP address`
    : undefined;
}

const isQualifiedName = (text: string): boolean => /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(text);
const isDomainPart = (text: string): boolean => /^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?$/.test(text);
const [longestLabelPrefix, longestLabelName] = [253, 63];

/** Labels of Kubernetes as Istio checks them (labels.Instance.Validate): every wrong key and value. */
export function labelMistakes(labels: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...labelKeyMistake(key),
    ...(value === '' || isQualifiedName(value) ? [] : [`invalid tag value: ${quoted(value)}`]),
  ]);
}

function labelKeyMistake(key: string): string[] {
  const slash = key.indexOf('/');
  const [prefix, name] = slash < 0 ? ['x', key] : [key.slice(0, slash), key.slice(slash + 1)];
  const mistake = `invalid tag key: ${quoted(key)}`;
  if (!isQualifiedName(name) || !prefix.split('.').every(isDomainPart)) return [mistake];
  if (prefix.length > longestLabelPrefix) return [`${mistake} (DNS prefix is too long)`];
  return name.length > longestLabelName ? [`${mistake} (name is too long)`] : [];
}

/** Durations are limited to what Envoy's timers take: whole milliseconds, at least one. */
export function durationMistake(seconds: number): string | undefined {
  if (seconds < 0.001) return 'duration must be greater than 1ms';
  return Math.abs(seconds * 1000 - Math.round(seconds * 1000)) > 1e-7
    ? 'only durations to ms precision are supported'
    : undefined;
}
export const optionalDurationMistake = (seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : durationMistake(seconds);
