import { keyOf, type Resource } from '@flotilla/model';
import { bornAt, serviceHostname, spiffeOf, kubernetesPortProtocol } from '@flotilla/rules';
import { kubernetesServiceKey } from './keys.ts';
import type { Resolution, Service } from './types.ts';

export interface RegistryOptions {
  /** `cluster.local` */
  readonly domain: string;
  readonly trustDomain: string;
  readonly defaultServiceExportTo: readonly string[];
  readonly clusterId: string;
}

/** Istio's ConvertService (pkg kube/conversion): a Kubernetes Service as a host of the mesh. */
export function convertService(resource: Resource<'services'>, options: RegistryOptions): Service {
  const { meta, spec } = resource;
  const headless = spec.clusterIP === 'None';
  const addresses = headless || spec.type === 'ExternalName' ? [] : clusterIPs(spec);
  const externalName = spec.type === 'ExternalName' && spec.externalName ? spec.externalName : undefined;
  const resolution: Resolution = externalName ? 'DNSLB' : headless ? 'Passthrough' : 'ClientSideLB';
  const exportTo = annotationList(meta.annotations?.['networking.istio.io/exportTo']);
  const accounts = annotationList(meta.annotations?.['alpha.istio.io/canonical-serviceaccounts']);
  const kubeAccounts = annotationList(meta.annotations?.['alpha.istio.io/kubernetes-serviceaccounts']);
  return {
    key: kubernetesServiceKey(keyOf(meta)),
    hostname: serviceHostname(meta.name, meta.namespace, options.domain),
    name: meta.name,
    namespace: meta.namespace,
    registry: 'Kubernetes',
    creationTime: bornAt(meta),
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? '',
      port: port.port,
      protocol: kubernetesPortProtocol(port),
    })),
    defaultAddress: addresses[0] ?? '0.0.0.0',
    addresses,
    autoAllocatedIPv4: '',
    autoAllocatedIPv6: '',
    resolution,
    meshExternal: externalName !== undefined,
    exportTo: new Set(exportTo.length > 0 ? exportTo : options.defaultServiceExportTo),
    labels: meta.labels ?? {},
    labelSelectors: spec.selector ?? {},
    serviceAccounts: [
      ...accounts,
      ...kubeAccounts.map((serviceAccount) =>
        spiffeOf({ trustDomain: options.trustDomain, namespace: meta.namespace, serviceAccount }),
      ),
    ].sort(),
    k8s: {
      type: spec.type ?? 'ClusterIP',
      ...(externalName ? { externalName } : {}),
      ...(spec.internalTrafficPolicy === 'Local' ? { nodeLocal: true } : {}),
      ...(spec.publishNotReadyAddresses ? { publishNotReadyAddresses: true } : {}),
    },
  };
}

function clusterIPs(spec: Resource<'services'>['spec']): readonly string[] {
  const all = spec.clusterIPs ?? [];
  return (all.length > 0 ? all : spec.clusterIP ? [spec.clusterIP] : []).filter((ip) => ip !== '' && ip !== 'None');
}

/** Istio takes the parts as they stand, blanks and all. */
const annotationList = (text: string | undefined): string[] =>
  text === undefined || text === '' ? [] : text.split(',');
