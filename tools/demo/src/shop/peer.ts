import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whom the proxy before this server saw at the other end of its connection: the last URI of x-forwarded-client-cert.
 */
export const peerIn = ({ 'x-forwarded-client-cert': header = '' }: IncomingHttpHeaders): string | undefined =>
  [...String(header).matchAll(/URI=([^;,]+)/g)].at(-1)?.[1];
