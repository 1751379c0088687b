import { worldQuery } from '@flotilla/pilot-world';
import { credentialReferences } from '../gateway/credential-references.ts';
import { parseSecretName } from './secret-name.ts';

/** Why a secret is not served. */
export type SecretRefusal = 'not a name' | 'not authorised' | 'another namespace' | 'not referenced';
/** The Secret that a name means to this proxy, as `namespace/name`, or why the proxy may not have it. */
export type SecretAccess = { readonly key: string } | { readonly refused: SecretRefusal };

const refused = (reason: SecretRefusal): SecretAccess => ({ refused: reason });

/**
 * May the proxy have a secret of this name? (1) The name is well formed. (2) The identity that the stream proved may
 * read Secrets. (3) The Secret is in that identity's namespace. (4) A name `kubernetes-gateway://` stands in a Gateway
 * of that namespace that selects the proxy's pod. Nothing that the node says of itself widens this (Istio's
 * filterAuthorizedResources; there (4) needs no authorisation, here nothing is served without).
 */
export const secretAccess = worldQuery('secret-access', (view, name): SecretAccess => {
  const parsed = parseSecretName(name);
  if (!parsed) return refused('not a name');
  const own = view.attr('credentialNamespace');
  if (own === undefined) return refused('not authorised');
  if ((parsed.namespace ?? own) !== own) return refused('another namespace');
  if (parsed.kind === 'kubernetes-gateway' && !view.query(credentialReferences, '').has(name))
    return refused('not referenced');
  return { key: `${own}/${parsed.name}` };
});
