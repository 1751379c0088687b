import type { JWTRule, PeerAuthentication, RequestAuthentication } from '@flotilla/model';
import { configLimits, isRecord, maxUint32, parseUint, readJson } from '@flotilla/std';
import { headerValueMistake } from './headers.ts';
import { quoted, type Report } from './report.ts';
import { checkSelector } from './selector.ts';

/** security.istio.io PeerAuthentication (Istio 1.19, ValidatePeerAuthentication). */
export function checkPeerAuthentication(spec: PeerAuthentication, report: Report): void {
  const ports = spec.portLevelMtls && Object.keys(spec.portLevelMtls);
  const forAll = Object.keys(spec.selector?.matchLabels ?? {}).length === 0;
  if (forAll && ports?.length)
    report.error('spec.portLevelMtls', 'mesh/namespace peer authentication cannot have port level mTLS');
  if (ports?.length === 0)
    report.error('spec.portLevelMtls', 'port level mTLS, if defined, must have at least one element');
  for (const port of ports ?? []) {
    const number = parseUint(port, maxUint32);
    if (!number.ok)
      report.error(`spec.portLevelMtls[${quoted(port)}]`, `expected a port number, found ${quoted(port)}`);
    else if (number.value === 0) report.error(`spec.portLevelMtls[${quoted(port)}]`, 'port cannot be 0');
  }
  checkSelector(spec.selector, report);
}

/** security.istio.io RequestAuthentication (Istio 1.19, ValidateRequestAuthentication). */
export function checkRequestAuthentication(spec: RequestAuthentication, report: Report): void {
  checkSelector(spec.selector, report);
  for (const [i, rule] of (spec.jwtRules ?? []).entries()) checkJwtRule(rule, `spec.jwtRules[${i}]`, report);
}

function checkJwtRule(rule: JWTRule, path: string, report: Report): void {
  if (!rule.issuer) report.error(`${path}.issuer`, 'issuer must be set');
  if (rule.audiences?.includes('')) report.error(`${path}.audiences`, 'audience must be non-empty string');
  if (rule.jwksUri) report.error(`${path}.jwksUri`, jwksUriMistake(rule.jwksUri));
  const jwks = rule.jwks ? jwksMistake(rule.jwks) : undefined;
  report.error(`${path}.jwks`, jwks && `jwks parse error: ${jwks}`);
  for (const [i, { name = '' }] of (rule.fromHeaders ?? []).entries()) {
    if (name === '') report.error(`${path}.fromHeaders[${i}]`, 'location header name must be non-empty string');
  }
  for (const [i, name] of (rule.fromParams ?? []).entries())
    if (name === '') report.error(`${path}.fromParams[${i}]`, 'location query must be non-empty string');
  for (const [i, { claim, header }] of (rule.outputClaimToHeaders ?? []).entries()) {
    const claimPath = `${path}.outputClaimToHeaders[${i}]`;
    report.error(
      claimPath,
      claim && header
        ? headerValueMistake(header)
        : 'outputClaimToHeaders header and claim value must be non-empty string',
    );
  }
}

function jwksUriMistake(uri: string): string | undefined {
  const scheme = /^([A-Za-z][-A-Za-z0-9+.]*):/.exec(uri)?.[1]?.toLowerCase() ?? '';
  const port = /^[^:/]*:\/\/[^/?#]*?(:[^:/?#\]]*)(?=$|[/?#])/.exec(uri)?.[1];
  if (port !== undefined && !/^:\d*$/.test(port))
    return `parse ${quoted(uri)}: invalid port ${quoted(port)} after host`;
  return scheme === 'http' || scheme === 'https' ? undefined : `URI scheme ${quoted(scheme)} is not supported`;
}

const keyTypes = new Set(['RSA', 'EC', 'OKP', 'oct']);

/** A set of keys, or one key alone (RFC 7517). */
function jwksMistake(text: string): string | undefined {
  const read = readJson(text, configLimits);
  if (!read.ok)
    return `failed to unmarshal JWK set: ${read.error.code === 'over-limit' ? read.error.message : jsonMistake(text)}`;
  const set = read.value;
  if (!isRecord(set)) return `failed to unmarshal JWK set: ${notAnObject(set)}`;
  const keyOf = (key: unknown): string =>
    typeof key === 'object' && key !== null && 'kty' in key && typeof key.kty === 'string' ? key.kty : '';
  if (!('keys' in set)) {
    return keyTypes.has(keyOf(set))
      ? undefined
      : `failed to unmarshal JWK set: failed to parse sole key in key set: invalid key type from JSON (${keyOf(set)})`;
  }
  if (!Array.isArray(set.keys)) return 'failed to unmarshal JWK set: expected a list of keys';
  const bad = set.keys.findIndex((key) => !keyTypes.has(keyOf(key)));
  return bad < 0
    ? undefined
    : `failed to unmarshal JWK set: failed to parse key #${bad + 1} in key set: invalid key type from JSON (${keyOf(set.keys[bad])})`;
}

/** What Go's reader says of JSON that is not an object. */
function notAnObject(value: unknown): string {
  if (Array.isArray(value)) return "expected '{', but got '['";
  return typeof value === 'string'
    ? `failed to decode value for key ${quoted(value)}: EOF`
    : 'error reading token: EOF';
}

/** Go's words for text whose beginning is not JSON's; else only that it is not JSON. */
function jsonMistake(text: string): string {
  const start = text.replace(/^[ \t\r\n]+/, '');
  if (start === '') return 'EOF';
  if (/^-?\d/.test(start)) return 'error reading token: EOF';
  const literal = ['true', 'false', 'null'].find((word) => start.startsWith(word.charAt(0)));
  if (literal === undefined)
    return /^["{[-]/.test(start)
      ? 'it is not JSON'
      : `invalid character '${firstByte(start)}' looking for beginning of value`;
  const i = [...literal].findIndex((letter, n) => start[n] !== letter);
  return i > 0 && start[i]
    ? `invalid character '${start[i]}' in literal ${literal} (expecting '${literal[i]}')`
    : 'it is not JSON';
}

/** Go looks at bytes: of a character of several it shows the first, as a character of Latin-1. */
const firstByte = (text: string): string => String.fromCharCode(new TextEncoder().encode(text.slice(0, 2))[0] ?? 0);
