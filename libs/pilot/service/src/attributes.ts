import { PermissionDenied, type Opening } from '@flotilla/pilot-server';
import { parseProxy, proofOf, type ProxyAttributes } from '@flotilla/pilot-world';
import { structToJson } from './struct.ts';

/**
 * The attributes of who opens a stream. Throws when the node is not one that pilot serves, and PermissionDenied when
 * its certificate or token is of another namespace, or of another service account where the node names one (Istio's
 * checkConnectionIdentity).
 */
export function attributesOf({ node, identity }: Opening): ProxyAttributes {
  const proof = identity === undefined ? undefined : proofOf(identity);
  if (proof?.ok === false) throw new PermissionDenied(proof.error);
  const parsed = parseProxy(
    {
      id: node.id ?? '',
      cluster: node.cluster ?? '',
      metadata: structToJson(node.metadata),
      extensions: (node.extensions ?? []).flatMap(({ name }) => name ?? []),
      locality: node.locality ?? null,
    },
    proof?.value,
  );
  if (!parsed.ok) throw new Error(parsed.error);
  const { id, namespace, serviceAccount } = parsed.value;
  if (proof && proof.value.namespace !== namespace)
    throw new PermissionDenied(
      `${proof.value.identity} may not get the configuration of node ${id} of namespace ${namespace}`,
    );
  if (proof && serviceAccount !== '' && proof.value.serviceAccount !== serviceAccount)
    throw new PermissionDenied(
      `${proof.value.identity} may not get the configuration of node ${id} of service account ${serviceAccount}`,
    );
  return parsed.value;
}
