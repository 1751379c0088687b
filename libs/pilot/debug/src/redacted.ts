import type { Json } from '@flotilla/proto-gen/json';
import { isRecord } from '@flotilla/std';

/** What may be shown of a secret; what is not listed here is not. */
const shown = new Set(['@type', 'name', 'tlsCertificate', 'certificateChain', 'ocspStaple', 'validationContext']);
const redacted: Json = { inlineBytes: Buffer.from('[redacted]').toString('base64') };

/** An Envoy Secret in JSON without what is secret in it: keys, passwords, ticket keys. Certificates stay. */
export const withoutSecrets = (secret: Json): Json =>
  isRecord(secret)
    ? Object.fromEntries(
        Object.entries(secret as Readonly<Record<string, Json>>).map(([field, value]) => [
          field,
          !shown.has(field) ? redacted : field === 'tlsCertificate' ? withoutSecrets(value) : value,
        ]),
      )
    : secret;
