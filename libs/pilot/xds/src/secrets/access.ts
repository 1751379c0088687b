import { mayReadCredentials, provenAccount, worldQuery } from '@flotilla/pilot-world';
import { credentialReferences } from '../gateway/credential-references.ts';
import { parseSecretName } from './secret-name.ts';

/** Why a secret is not served: `not decided` while citadel has not answered. */
export type SecretRefusal =
  'not a name' | 'no identity' | 'another namespace' | 'not decided' | 'not authorised' | 'not referenced';
/** The Secret that a name means to this proxy, as `namespace/name`, or why the proxy may not have it. */
export type SecretAccess = { readonly key: string } | { readonly refused: SecretRefusal };

const refused = (reason: SecretRefusal): SecretAccess => ({ refused: reason });

/**
 * Whether the proxy may have a secret of this name. (1) The name is well formed. (2) The stream proved an identity. (3)
 * The Secret is in that identity's namespace. (4) Citadel has decided, and (5) its ServiceAccount may read Secrets
 * there. (6) A name `kubernetes-gateway://` is used by a Gateway of that namespace that selects the proxy's pod.
 * Nothing that the node claims widens this (Istio's filterAuthorizedResources; there (6) needs no authorisation, here
 * everything does).
 */
export const secretAccess = worldQuery('secret-access', (view, name): SecretAccess => {
  const parsed = parseSecretName(name);
  if (!parsed) return refused('not a name');
  const proven = provenAccount(view.attr('identity'));
  if (!proven) return refused('no identity');
  const { namespace, account } = proven;
  if ((parsed.namespace ?? namespace) !== namespace) return refused('another namespace');
  const mayRead = mayReadCredentials(view, account);
  if (!mayRead) return refused(mayRead === undefined ? 'not decided' : 'not authorised');
  if (parsed.kind === 'kubernetes-gateway' && !view.query(credentialReferences, '').has(name))
    return refused('not referenced');
  return { key: `${namespace}/${parsed.name}` };
});
