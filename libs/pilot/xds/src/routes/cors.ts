import type { HTTPRoute } from '@flotilla/model';
import { bool, type envoy } from '@flotilla/proto-gen/envoy';
import { buildStringMatcher } from './match.ts';
import { wholePercent } from './percent.ts';

/**
 * A CorsPolicy as Envoy's; the deprecated allowOrigin applies only without allowOrigins (Istio's TranslateCORSPolicy).
 */
export function buildCors(cors: NonNullable<HTTPRoute['corsPolicy']>): envoy.config.route.v3.ICorsPolicy {
  const origins = cors.allowOrigins?.length
    ? cors.allowOrigins.flatMap((origin) => buildStringMatcher(origin) ?? [])
    : (cors.allowOrigin ?? []).map((exact) => ({ exact }));
  return {
    ...(origins.length > 0 ? { allowOriginStringMatch: origins } : {}),
    ...list('allowMethods', cors.allowMethods),
    ...list('allowHeaders', cors.allowHeaders),
    ...list('exposeHeaders', cors.exposeHeaders),
    ...(cors.maxAge !== undefined ? { maxAge: String(Math.trunc(cors.maxAge)) } : {}),
    ...(cors.allowCredentials !== undefined ? { allowCredentials: bool(cors.allowCredentials) } : {}),
    filterEnabled: { defaultValue: wholePercent(100) },
  };
}

const list = <K extends string>(key: K, values: readonly string[] | undefined): Partial<Record<K, string>> =>
  values?.length ? ({ [key]: values.join(',') } as Record<K, string>) : {};
