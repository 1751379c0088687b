import type { RootMaterial } from '@flotilla/citadel-authority';
import { isConflict, resources, type KubeApi, type KubeObject } from '@flotilla/kube-port';

/** Keeps the root in a Secret. */
export interface SecretRootStore {
  /** Undefined when no root has been kept. */
  load(): Promise<RootMaterial | undefined>;
  /** Stores the root unless there is one already; resolves with the one that is stored. */
  keep(root: RootMaterial): Promise<RootMaterial>;
}

/** Istio's name and keys for the Secret of a self-signed root, so that Istio and citadel can replace each other. */
const secretName = 'istio-ca-secret';
const type = 'istio.io/ca-root';
const keys = { keyPem: 'ca-key.pem', certPem: 'ca-cert.pem' } as const;

/**
 * Keeps the root in the Secret `istio-ca-secret` of the system namespace. If two citadels start at once, the API server
 * lets one of them create it, and the other uses the same root. Rejects with KubeError when the API server cannot be
 * reached or refuses, and with an Error when the Secret exists but lacks a key of the root.
 */
export function createSecretRootStore(api: KubeApi, systemNamespace: string): SecretRootStore {
  const name = { namespace: systemNamespace, name: secretName };
  const load = async (): Promise<RootMaterial | undefined> => {
    const secret = await api.get(resources.secrets, name);
    return secret && rootIn(secret);
  };
  return {
    load,
    async keep(root) {
      try {
        await api.create(resources.secrets, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: name,
          type,
          data: { [keys.keyPem]: encode(root.keyPem), [keys.certPem]: encode(root.certPem) },
        });
        return root;
      } catch (thrown) {
        const kept = isConflict(thrown) ? await load() : undefined;
        if (kept) return kept;
        throw thrown;
      }
    },
  };
}

const encode = (text: string): string => Buffer.from(text).toString('base64');

function rootIn({ data, metadata }: KubeObject): RootMaterial {
  const values = (typeof data === 'object' && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
  const decode = (key: string): string => {
    const value = values[key];
    if (typeof value === 'string' && value !== '') return Buffer.from(value, 'base64').toString('utf8');
    throw new Error(
      `Secret ${metadata.namespace}/${metadata.name} has no ${key}: restore it, or delete the Secret for a new root`,
    );
  };
  return { keyPem: decode(keys.keyPem), certPem: decode(keys.certPem) };
}
