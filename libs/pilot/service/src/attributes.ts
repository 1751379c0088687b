import { PermissionDenied, type Opening } from '@flotilla/pilot-server';
import { parseProxy, proofOf, type ProxyAttributes, type ServiceAccounts } from '@flotilla/pilot-world';
import { structToJson } from './struct.ts';

/**
 * The attributes of who opens a stream. Throws when the node is not one that pilot serves, and PermissionDenied when
 * its certificate is of another namespace.
 */
export function attributesOf({ node, identity }: Opening, readers: ServiceAccounts): ProxyAttributes {
  const proof = identity === undefined ? undefined : proofOf(identity, readers);
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
  const { id, namespace } = parsed.value;
  if (proof && proof.value.namespace !== namespace)
    throw new PermissionDenied(`${proof.value.identity} may not have what is for node ${id} of namespace ${namespace}`);
  return parsed.value;
}
