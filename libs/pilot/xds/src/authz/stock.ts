import type { envoy } from '@flotilla/proto-gen/envoy';
import { metadataListMatch, metadataMatch, stringMatch } from './matchers.ts';

type IPrincipal = envoy.config.rbac.v3.IPrincipal;
const jwt = 'envoy.filters.http.jwt_authn';
const nobody: IPrincipal = { notId: { any: true } };
const oneOf = (ids: readonly IPrincipal[]): IPrincipal =>
  ids.length === 0 ? nobody : ids.length === 1 ? (ids[0] as IPrincipal) : { orIds: { ids: [...ids] } };

/** A token's claim as jwt_authn keeps it, under its issuer, as a string or a list. */
export function stockClaim(issuers: readonly string[], path: readonly string[], pattern: string): IPrincipal {
  const match = stringMatch(pattern);
  return oneOf(
    issuers.flatMap((issuer) => [
      { metadata: metadataMatch(jwt, [issuer, ...path], match) },
      { metadata: metadataListMatch(jwt, [issuer, ...path], match) },
    ]),
  );
}

/** The subjects of an issuer for which `issuer/subject` matches a pattern, as patterns of their own. */
export function subjectPatterns(issuer: string, pattern: string): string[] {
  const before = `${issuer}/`;
  if (pattern === '*') return ['*'];
  if (pattern.startsWith('*')) {
    const suffix = pattern.slice(1);
    const parts = [...suffix].flatMap((char, i) =>
      char === '/' && before.endsWith(suffix.slice(0, i + 1)) ? [suffix.slice(i + 1)] : [],
    );
    return [`*${suffix}`, ...parts.filter((part) => part !== '')];
  }
  const wanted = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
  if (wanted.startsWith(before)) return [pattern.slice(before.length)];
  return pattern.endsWith('*') && before.startsWith(wanted) ? ['*'] : [];
}

/** `issuer/subject` of a token, from jwt_authn's metadata. */
export const stockRequestPrincipal = (issuers: readonly string[], pattern: string): IPrincipal =>
  oneOf(
    issuers.flatMap((issuer) =>
      subjectPatterns(issuer, pattern).map((subject) => ({
        metadata: metadataMatch(jwt, [issuer, 'sub'], stringMatch(subject)),
      })),
    ),
  );
