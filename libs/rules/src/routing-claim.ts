const prefix = '@request.auth.claims';

/**
 * The JWT claim that a match on a header refers to (Istio "JWT claim based routing", jwt.ToRoutingClaim): `a`, `b` of
 * `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`, the prefix in any case. Undefined for a header.
 */
export function routingClaim(header: string): readonly string[] | undefined {
  if (!header.slice(0, prefix.length).toLowerCase().startsWith(prefix)) return undefined;
  const name = header.slice(prefix.length);
  if (name.startsWith('.') && name.length > 1) return name.slice(1).split('.');
  if (name.startsWith('[') && name.endsWith(']') && name.length > 2) return name.slice(1, -1).split('][');
  return undefined;
}
