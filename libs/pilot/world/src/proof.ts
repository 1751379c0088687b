import { parseSpiffe, type SpiffeIdentity } from '@flotilla/rules';
import { err, ok, type Result } from '@flotilla/std';
import type { ProxyAttributes } from './view.ts';

/** What pilot knows about a proxy for certain; what a node says about itself is not part of it. */
export type Proof = Pick<ProxyAttributes, 'identity' | 'credentialNamespace'>;
/** Service accounts as `namespace/name`. */
export type ServiceAccounts = ReadonlySet<string>;

const accountOf = ({ namespace, serviceAccount }: SpiffeIdentity): string => `${namespace}/${serviceAccount}`;

/**
 * What the identity of a verified certificate proves: `identity` is its SPIFFE URI, `readers` are the accounts that may
 * have credentials of their namespace. Fails for an identity that is not of Istio's form.
 */
export function proofOf(
  identity: string,
  readers: ServiceAccounts,
): Result<Proof & Pick<SpiffeIdentity, 'namespace' | 'serviceAccount'>> {
  const parsed = parseSpiffe(identity);
  if (!parsed.ok) return err(parsed.error);
  const { namespace, serviceAccount } = parsed.value;
  return ok({
    identity,
    namespace,
    serviceAccount,
    ...(readers.has(accountOf(parsed.value)) ? { credentialNamespace: namespace } : {}),
  });
}

/**
 * Is the proven identity that of a registered workload's service account? Both are SPIFFE URIs; their trust domains may
 * be aliases.
 */
export function provesAccount(identity: string | undefined, serviceAccount: string): boolean {
  const [proven, registered] = [parseSpiffe(identity ?? ''), parseSpiffe(serviceAccount)];
  return proven.ok && registered.ok && accountOf(proven.value) === accountOf(registered.value);
}
