import { isRecord } from '@flotilla/std';

/** A `credentialName` in an object, and where it is. */
export interface CredentialName {
  /** As in `spec.servers[0].tls.credentialName`. */
  readonly path: string;
  readonly name: string;
}

/**
 * The credentials that the spec of a Gateway or a DestinationRule names, in order: what ServerTLSSettings and
 * ClientTLSSettings have as `credentialName`, wherever they stand.
 */
export function credentialNames(spec: unknown, path = 'spec'): readonly CredentialName[] {
  if (Array.isArray(spec)) return spec.flatMap((item, index) => credentialNames(item, `${path}[${index}]`));
  if (!isRecord(spec)) return [];
  return Object.entries(spec).flatMap(([field, value]) => {
    const place = `${path}.${field}`;
    if (field !== 'credentialName') return credentialNames(value, place);
    return typeof value === 'string' && value !== '' ? [{ path: place, name: value }] : [];
  });
}
