import { buildInjectionWebhooks } from '@flotilla/rules';
import { gatewayName } from './gateway-pod.ts';
import { buildGateway } from './gateway.ts';
import { buildInjectionConfigMap, buildMeshConfigMap, buildNamespace } from './mesh.ts';
import { buildDefaultDeny } from './network.ts';
import { buildServiceManifests } from './service.ts';
import type { Manifest, ManifestOptions } from './service-spec.ts';
import { buildBusAddress, proxyPeersOf, servicesOf, shapes, webhookServiceOf, type Shape } from './shapes.ts';

/** The files of a folder, by name. */
export type Files = Readonly<Record<string, readonly object[]>>;

/** The files that both shapes share: the namespace, with a policy that denies all traffic by default. */
const commonFiles = (options: ManifestOptions): Files => ({
  'namespace.yaml': [buildNamespace(options), buildDefaultDeny(options)],
});

function shapeFiles(shape: Shape, options: ManifestOptions): Files {
  const peers = proxyPeersOf(shape, options);
  const mesh: readonly Manifest[] = [
    buildMeshConfigMap(options, peers),
    buildInjectionConfigMap(options, peers),
    ...(shape === 'fleet' ? [buildBusAddress(options)] : []),
    buildInjectionWebhooks({
      revision: 'default',
      service: { name: webhookServiceOf(shape), namespace: options.namespace },
    }),
  ];
  const services = servicesOf(shape, options).map(
    (spec) => [`${spec.name}.yaml`, buildServiceManifests(spec, options)] as const,
  );
  return {
    'mesh.yaml': mesh,
    ...Object.fromEntries(services),
    [`${gatewayName}.yaml`]: buildGateway(options, peers),
  };
}

/** Everything that is applied to install a shape, except the CRDs. */
export const buildInstallation = (shape: Shape, options: ManifestOptions): readonly Manifest[] =>
  [commonFiles(options), shapeFiles(shape, options)].flatMap((files) => Object.values(files).flat()) as Manifest[];

/** The folders below `deploy`: a kustomize base for each shape, and what the bases share. */
export function buildFolders(options: ManifestOptions): Readonly<Record<string, Files>> {
  const common = commonFiles(options);
  const bases = shapes.map((shape) => {
    const files = shapeFiles(shape, options);
    return [shape, { ...files, ...kustomization(['../crds', '../common', ...Object.keys(files)]) }] as const;
  });
  return { common: { ...common, ...kustomization(Object.keys(common)) }, ...Object.fromEntries(bases) };
}

export const kustomization = (resources: readonly string[]): Files => ({
  'kustomization.yaml': [
    {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources,
    },
  ],
});
