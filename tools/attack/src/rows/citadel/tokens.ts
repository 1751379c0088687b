import { status, type ServiceError } from '@grpc/grpc-js';
import { Broken, expect, table, type Attack } from '../../attack.ts';
import type { Claims } from '../../clients/tokens.ts';
import { certificateFor } from '../../clients/workload.ts';

/** A certificate is refused to whoever shows this, as UNAUTHENTICATED. */
const refused = (name: string, claims: Claims, more: Partial<Attack> = {}): Omit<Attack, 'service' | 'kind'> => ({
  name, describe: `a token with ${name}: UNAUTHENTICATED, and no certificate`,
  run: async (mesh) => {
    const token = await mesh.tokens.mint(claims);
    const error = await certificateFor(mesh.ca, token).then(() => {
      throw new Broken('UNAUTHENTICATED', 'a certificate');
    }, (thrown: ServiceError) => thrown);
    mesh.answered(error.details);
    expect('UNAUTHENTICATED', `${error.code} ${error.details}`, error.code === status.UNAUTHENTICATED);
  },
  ...more,
});

export const tokens = table({ service: 'citadel', kind: 'tokens' }, [
  refused('the signature of another key', { isForged: true }, { form: 'quick' }),
  refused('another audience', { audience: 'api' }),
  refused('a subject that reaches into the path', { subject: 'system:serviceaccount:a/sa/b:c', kubernetes: 0 }),
]);
