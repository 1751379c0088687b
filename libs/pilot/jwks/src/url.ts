import { printable } from '@flotilla/std';
import { FetchFailure } from './failure.ts';

/** A URL that may be fetched: HTTP as well as HTTPS, as in Istio. Throws a FetchFailure for any other. */
export function parseTarget(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new FetchFailure(
    'there is no http or https URL to fetch it from',
    'set jwksUri, or jwks, or an issuer with OpenID discovery',
  );
}

/** A URL as it may be shown: user, password, query and fragment, which may be secrets, are left out. */
export function publicUrl(text: string): string {
  const url = URL.parse(text);
  return url && url.host !== '' ? printable(`${url.protocol}//${url.host}${url.pathname}`) : 'not a URL';
}
