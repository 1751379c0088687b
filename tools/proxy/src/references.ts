import type { Json } from '@flotilla/proto-gen/json';

type Plain = { [key: string]: Json };
/** JSON of a message; an empty one for any other value. */
export const plain = (json: Json | undefined): Plain =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};

type Referring = 'rds' | 'httpFilters' | 'tlsCertificateSdsSecretConfigs' | 'validationContextSdsSecretConfig';
type References = Readonly<Record<Referring, Json[]>>;

/** Everything that refers to other resources, anywhere inside. */
export function referencesIn(
  json: Json,
  found: References = {
    rds: [],
    httpFilters: [],
    tlsCertificateSdsSecretConfigs: [],
    validationContextSdsSecretConfig: [],
  },
): References {
  if (Array.isArray(json)) for (const item of json) referencesIn(item, found);
  else if (typeof json === 'object' && json !== null) {
    for (const [name, value] of Object.entries(json)) {
      if (Object.hasOwn(found, name)) found[name as keyof References].push(...(Array.isArray(value) ? value : [value]));
      referencesIn(value, found);
    }
  }
  return found;
}
/** The credentials that are referred to. */
export const secretNames = ({
  tlsCertificateSdsSecretConfigs,
  validationContextSdsSecretConfig,
}: References): string[] =>
  [...tlsCertificateSdsSecretConfigs, ...validationContextSdsSecretConfig]
    .map((config) => String(plain(config)['name']))
    .filter((name) => /^kubernetes(-gateway)?:\/\//.test(name));

/** The names that clusters, by JSON, take their endpoints by. */
export const endpointNames = (cds: readonly Json[]): string[] =>
  cds
    .map(plain)
    .filter(({ type }) => type === 'EDS')
    .map((cluster) => String(plain(cluster['edsClusterConfig'])['serviceName'] ?? cluster['name']));
/** The route configurations that listeners, by JSON, refer to. */
export const routeNames = (lds: readonly Json[]): string[] => routesOf(referencesIn([...lds]));
/** The route configurations that are referred to. */
export const routesOf = ({ rds }: References): string[] =>
  rds.map((config) => String(plain(config)['routeConfigName']));
