import type { Service, ServicePort } from '@flotilla/pilot-registry';

/** Whose statistics are named. */
export interface StatNameOf {
  readonly service: Pick<Service, 'hostname' | 'name' | 'namespace'> & { readonly registry?: Service['registry'] };
  readonly port: Pick<ServicePort, 'name' | 'port'>;
  readonly subset?: string;
  /** Undefined where the pattern's `%TARGET_PORT%` stays as it is. */
  readonly targetPort?: number;
}

/**
 * A name for statistics by the pattern of the mesh (MeshConfig, inboundClusterStatName and outboundClusterStatName).
 */
export function statName(pattern: string, { service, port, subset, targetPort }: StatNameOf): string {
  const { hostname, name, namespace } = service;
  const values: Readonly<Record<string, string>> = {
    SERVICE: service.registry === 'Kubernetes' ? `${name}.${namespace}` : hostname,
    SERVICE_FQDN: hostname,
    SUBSET_NAME: subset ?? '',
    SERVICE_PORT: String(port.port),
    SERVICE_PORT_NAME: port.name,
    ...(targetPort === undefined ? {} : { TARGET_PORT: String(targetPort) }),
  };
  return pattern.replace(/%([A-Z_]+)%/g, (text, word: string) => values[word] ?? text);
}
