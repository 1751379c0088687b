import { describe, expect, it } from 'vitest';
import { withoutSecrets } from './redacted.ts';

const redacted = { inlineBytes: Buffer.from('[redacted]').toString('base64') };

describe('withoutSecrets', () => {
  it('keeps certificates and nothing else of a secret', () => {
    expect(
      withoutSecrets({
        name: 'web',
        tlsCertificate: {
          certificateChain: { inlineBytes: 'Y2VydA==' },
          privateKey: { inlineBytes: 'a2V5' },
          password: { inlineString: 'secret' },
          fieldOfTomorrow: { inlineString: 'secret' },
        },
        genericSecret: { secret: { inlineString: 'secret' } },
        sessionTicketKeys: { keys: [{ inlineString: 'secret' }] },
        validationContext: { trustedCa: { inlineBytes: 'cm9vdA==' } },
      }),
    ).toEqual({
      name: 'web',
      tlsCertificate: {
        certificateChain: { inlineBytes: 'Y2VydA==' },
        privateKey: redacted,
        password: redacted,
        fieldOfTomorrow: redacted,
      },
      genericSecret: redacted,
      sessionTicketKeys: redacted,
      validationContext: { trustedCa: { inlineBytes: 'cm9vdA==' } },
    });
  });
});
