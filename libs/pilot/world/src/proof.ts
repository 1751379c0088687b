import { parseSpiffe, type SpiffeIdentity } from '@flotilla/rules';
import { err, ok, type Result } from '@flotilla/std';
import type { ProxyAttributes } from './view.ts';

/** What a proxy has proved about itself; the claims of its node are not part of it. */
export type Proof = Pick<ProxyAttributes, 'identity'>;

const accountOf = ({ namespace, serviceAccount }: SpiffeIdentity): string => `${namespace}/${serviceAccount}`;

/**
 * What the identity of a verified certificate proves: `identity` is its SPIFFE URI. Fails for an identity that is not
 * of Istio's form.
 */
export function proofOf(identity: string): Result<Proof & Pick<SpiffeIdentity, 'namespace' | 'serviceAccount'>> {
  const parsed = parseSpiffe(identity);
  if (!parsed.ok) return err(parsed.error);
  const { namespace, serviceAccount } = parsed.value;
  return ok({ identity, namespace, serviceAccount });
}

/** The ServiceAccount that a proxy proved to run as: its namespace, and `namespace/name`. Undefined without a proof. */
export function provenAccount(
  identity: string | undefined,
): { readonly namespace: string; readonly account: string } | undefined {
  const parsed = parseSpiffe(identity ?? '');
  return parsed.ok ? { namespace: parsed.value.namespace, account: accountOf(parsed.value) } : undefined;
}

/**
 * Whether the proven identity is that of a registered workload's service account. Both are SPIFFE URIs; their trust
 * domains may be aliases.
 */
export function provesAccount(identity: string | undefined, serviceAccount: string): boolean {
  const [proven, registered] = [parseSpiffe(identity ?? ''), parseSpiffe(serviceAccount)];
  return proven.ok && registered.ok && accountOf(proven.value) === accountOf(registered.value);
}
