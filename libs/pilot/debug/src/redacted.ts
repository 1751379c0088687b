import type { Json } from '@flotilla/proto-gen/json';
import { isRecord } from '@flotilla/std';

/** The fields of a secret that may be shown; all others are redacted. */
const shown = new Set(['@type', 'name', 'tlsCertificate', 'certificateChain', 'ocspStaple', 'validationContext']);
const redacted: Json = { inlineBytes: Buffer.from('[redacted]').toString('base64') };

/** An Envoy Secret in JSON without keys, passwords and ticket keys. Certificates stay. */
export const withoutSecrets = (secret: Json): Json =>
  isRecord(secret)
    ? Object.fromEntries(
        Object.entries(secret as Readonly<Record<string, Json>>).map(([field, value]) => [
          field,
          !shown.has(field) ? redacted : field === 'tlsCertificate' ? withoutSecrets(value) : value,
        ]),
      )
    : secret;
