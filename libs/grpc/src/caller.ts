import type { Metadata } from '@grpc/grpc-js';

/** The bearer token in a call's metadata (RFC 6750, section 2.1); undefined without one. */
export function bearerIn(metadata: Metadata): string | undefined {
  const [header] = metadata.get('authorization');
  return /^Bearer (.+)$/i.exec(String(header ?? ''))?.[1];
}

/** Where a call comes from, without the port. */
export const addressOf = (call: { getPeer(): string }): string => call.getPeer().replace(/:\d{1,5}$/, '');
