/** A kind that Istio reads, and that has no effect here. */
interface UnsupportedKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** Kubernetes no longer serves it, so it is only found in files. */
  readonly isRemoved?: true;
}

const inGroup = (group: string, rows: readonly (readonly [kind: string, plural: string])[]): UnsupportedKind[] =>
  rows.map(([kind, plural]) => ({ group, kind, plural }));

/** Kinds that Istio 1.19 reads, and that have no effect here. Some are read and checked all the same, see `kinds`. */
export const unsupportedKinds: readonly UnsupportedKind[] = [
  ...inGroup('networking.istio.io', [['EnvoyFilter', 'envoyfilters']]),
  ...inGroup('extensions.istio.io', [['WasmPlugin', 'wasmplugins']]),
  ...inGroup('install.istio.io', [['IstioOperator', 'istiooperators']]),
  ...inGroup('gateway.networking.k8s.io', [
    ['GatewayClass', 'gatewayclasses'],
    ['Gateway', 'gateways'],
    ['HTTPRoute', 'httproutes'],
    ['GRPCRoute', 'grpcroutes'],
    ['TCPRoute', 'tcproutes'],
    ['TLSRoute', 'tlsroutes'],
    ['UDPRoute', 'udproutes'],
    ['ReferenceGrant', 'referencegrants'],
  ]),
  ...inGroup('networking.k8s.io', [
    ['Ingress', 'ingresses'],
    ['IngressClass', 'ingressclasses'],
  ]),
  { group: 'extensions', kind: 'Ingress', plural: 'ingresses', isRemoved: true },
  ...inGroup('multicluster.x-k8s.io', [
    ['ServiceExport', 'serviceexports'],
    ['ServiceImport', 'serviceimports'],
  ]),
];
