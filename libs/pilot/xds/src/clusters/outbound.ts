import type { ClientTLSSettings, TrafficPolicy } from '@flotilla/model';
import type { Service, ServicePort } from '@flotilla/pilot-registry';
import {
  destinationRuleOf,
  destinationRulesOf,
  endpointsOfPort,
  hasCredentialSocket,
  mesh,
  ownCertificate,
  ownersOf,
  scopedService,
  serviceAccountsOf,
  setting,
  sidecarScope,
  worldQuery,
  type MergedRule,
  type RuleKey,
  type ServiceRef,
  type View,
} from '@flotilla/pilot-world';
import { envoy } from '@flotilla/proto-gen/envoy';
import { namespaceMtlsMode } from '../authn/mtls-mode.ts';
import { buildLoadAssignment } from '../endpoints/load-assignment.ts';
import { finish } from '../finish/finish.ts';
import { passesTlsOn } from '../gateway/merge.ts';
import { isolated, sameResources, type XdsResource } from '../resource.ts';
import { clusterName } from '../routes/route.ts';
import { buildOutboundCluster, type ClusterMesh } from './build.ts';
import { mergeTrafficPolicy } from './traffic-policy.ts';

const { Cluster } = envoy.config.cluster.v3;
const { EDS, LOGICAL_DNS, ORIGINAL_DST, STRICT_DNS } = Cluster.DiscoveryType;
const { V4_ONLY, V6_ONLY } = Cluster.DnsLookupFamily;

const clusterMesh = worldQuery('cluster-mesh', (view): ClusterMesh => {
  const {
    connectTimeout,
    tcpKeepalive,
    localityLbSetting,
    h2UpgradePolicy,
    dnsRefreshRate,
    tlsDefaults,
    outboundClusterStatName,
  } = view.query(mesh, '');
  return {
    connectTimeout,
    tcpKeepalive,
    localityLbSetting,
    h2UpgradePolicy,
    dnsRefreshRate,
    tlsDefaults,
    outboundClusterStatName,
  };
});

/** Istio's convertResolution. A gateway can't pass through. */
function discoveryType(service: Service, isRouter: boolean): number {
  switch (service.resolution) {
    case 'ClientSideLB':
      return EDS;
    case 'DNSLB':
      return STRICT_DNS;
    case 'DNSRoundRobinLB':
      return LOGICAL_DNS;
    default:
      return isRouter ? EDS : ORIGINAL_DST;
  }
}

/**
 * What the clusters of a service are made of: the service as a scope shows it, and the DestinationRule that holds for
 * it.
 */
interface ServiceRule {
  readonly ref: ServiceRef;
  readonly rule: RuleKey;
  /**
   * For TLS that a gateway passes on by its SNI: named by that, and without TLS of its own (Istio's SNI-DNAT clusters).
   */
  readonly passesTls?: true;
}

/**
 * The clusters of one service, encoded: one for each port and subset. Key: a ServiceRule as JSON, so that all who have
 * the same share them.
 */
const serviceClusters = worldQuery(
  'service-clusters',
  (view, key): readonly XdsResource[] => {
    const { ref, rule, passesTls = false } = JSON.parse(key) as ServiceRule;
    const service = scopedService(view, ref);
    if (!service || service.resolution === 'Alias' || (passesTls && service.meshExternal)) return [];
    return service.ports
      .filter(({ protocol }) => protocol !== 'UDP')
      .flatMap((port) => portClusters(view, { service, port, passesTls, rule: destinationRuleOf(view, rule) }));
  },
  { equals: sameResources },
);

function portClusters(
  view: View,
  { service, port, passesTls, rule }: Pick<One, 'service' | 'port' | 'passesTls'> & { rule: MergedRule | undefined },
): XdsResource[] {
  const base = mergeTrafficPolicy(undefined, rule?.rule.trafficPolicy, port.port);
  const own = buildOne(view, {
    service,
    port,
    passesTls,
    policy: base,
    ruleOf: rule,
    inferFrom: rule?.rule.trafficPolicy,
  });
  if (!own) return [];
  const subsets = (rule?.rule.subsets ?? []).flatMap((subset) => {
    // A subset can't undo its parent's pass-through.
    const type = own.type === ORIGINAL_DST ? ORIGINAL_DST : undefined;
    const policy = mergeTrafficPolicy(base, subset.trafficPolicy, port.port);
    return (
      buildOne(view, {
        service,
        port,
        passesTls,
        policy,
        ruleOf: rule,
        inferFrom: subset.trafficPolicy,
        subset: { name: subset.name ?? '', labels: subset.labels ?? {} },
        type,
      }) ?? []
    );
  });
  return [own, ...subsets].map(({ cluster }) =>
    finish(view, { kind: 'cds', name: cluster.name ?? '', message: cluster }),
  );
}

interface One {
  readonly service: Service;
  readonly port: ServicePort;
  readonly passesTls: boolean;
  readonly policy?: TrafficPolicy;
  readonly inferFrom?: TrafficPolicy;
  readonly ruleOf?: MergedRule;
  readonly subset?: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly type?: number;
}

function buildOne(
  view: View,
  { service, port, passesTls, policy, ruleOf, inferFrom, subset, type: given }: One,
): { type: number; cluster: envoy.config.cluster.v3.ICluster } | undefined {
  const name = passesTls
    ? serverName(port.port, subset?.name ?? '', service.hostname)
    : clusterName('outbound', { port: port.port, subset: subset?.name, host: service.hostname });
  const isRouter = view.attr('type') === 'router';
  const type =
    given ??
    (subset && inferFrom?.loadBalancer?.simple === 'PASSTHROUGH' ? ORIGINAL_DST : discoveryType(service, isRouter));
  const isDns = type === STRICT_DNS || type === LOGICAL_DNS;
  const loadAssignment = isDns
    ? buildLoadAssignment(view, {
        name,
        service,
        port,
        dns: true,
        labels: subset?.labels ?? {},
        ...(policy ? { policy } : {}),
      })
    : undefined;
  if (isDns && !loadAssignment?.endpoints?.length) return undefined;
  const tls = passesTls
    ? undefined
    : tlsOf(view, {
        service,
        port,
        policy,
        inferFrom,
        subset,
        withSelector: ruleOf?.rule.workloadSelector !== undefined,
      });
  const cluster = buildOutboundCluster({
    name,
    type,
    service,
    port,
    mesh: view.query(clusterMesh, ''),
    dnsLookupFamily: view.attr('supportsIPv4') ? V4_ONLY : V6_ONLY,
    sniffs: !isRouter,
    istioExtensions: view.attr('istioExtensions'),
    credentialSocket: tls?.settings.credentialName?.startsWith('sds://') === true && hasCredentialSocket(view),
    ...(subset ? { subset: subset.name } : {}),
    ...(policy ? { policy } : {}),
    ...(ruleOf ? { rule: ruleOf } : {}),
    ...(loadAssignment ? { loadAssignment } : {}),
    ...(tls ? { tls } : {}),
  });
  return { type: cluster.type ?? type, cluster };
}

/** `outbound_.80_.v1_.host`: what a client names as SNI, for gateways that pass it through. */
const serverName = (port: number, subset: string, host: string): string => `outbound_.${port}_.${subset}_.${host}`;

type TlsOf = Pick<One, 'service' | 'port' | 'policy' | 'inferFrom' | 'subset'> & { readonly withSelector: boolean };

/**
 * A rule's TLS, made whole; without one, automatic mTLS where the mesh has it and the service may have sidecars
 * (Istio's buildAutoMtlsSettings).
 */
function tlsOf(
  view: View,
  { service, port, policy, inferFrom, subset, withSelector }: TlsOf,
): { settings: ClientTLSSettings; automatic: boolean; credentials: boolean } | undefined {
  const sni = serverName(port.port, subset?.name ?? '', service.hostname);
  const accounts = (): readonly string[] => view.query(serviceAccountsOf, `${service.hostname}|${service.namespace}`);
  const given = policy?.tls;
  const credentials = view.attr('type') === 'router' || withSelector;
  const files = ownCertificate(view, 'CLIENT');
  const mutual = files.certificate
    ? {
        mode: 'MUTUAL' as const,
        clientCertificate: files.certificate,
        privateKey: files.key,
        caCertificates: files.roots,
      }
    : undefined;
  if (given) {
    // As Istio has it, files make a rule's settings the rule's alone: no names are added.
    if ((given.mode === 'ISTIO_MUTUAL' || given.mode === 'MUTUAL') && mutual)
      return {
        settings: { ...mutual, ...(given.sni ? { sni: given.sni } : {}), subjectAltNames: given.subjectAltNames ?? [] },
        automatic: false,
        credentials,
      };
    if (given.mode === 'ISTIO_MUTUAL')
      return {
        settings: {
          ...given,
          sni: given.sni || sni,
          subjectAltNames: given.subjectAltNames?.length ? given.subjectAltNames : accounts(),
        },
        automatic: false,
        credentials,
      };
    const ownNames =
      service.registry === 'External' && !given.subjectAltNames?.length ? { subjectAltNames: accounts() } : {};
    return { settings: { ...given, ...ownNames }, automatic: false, credentials };
  }
  if (
    service.meshExternal ||
    setting(view, 'enableAutoMtls') === false ||
    inferredMode(view, { service, port, policy: inferFrom }) === 'DISABLE'
  )
    return undefined;
  if (mutual) return { settings: { ...mutual, sni, subjectAltNames: accounts() }, automatic: false, credentials };
  return { settings: { mode: 'ISTIO_MUTUAL', sni, subjectAltNames: accounts() }, automatic: true, credentials };
}

/**
 * Istio's BestEffortInferServiceMTLSMode: what is passed through must have a sidecar at every endpoint; else the
 * namespace's mode.
 */
function inferredMode(view: View, { service, port, policy }: Pick<One, 'service' | 'port' | 'policy'>): string {
  if (service.resolution === 'Passthrough' || policy?.loadBalancer?.simple === 'PASSTHROUGH') {
    const endpoints = view.query(endpointsOfPort, `${service.hostname}|${service.namespace}|${port.name}`);
    if (endpoints.length === 0 || endpoints.some(({ tlsMode }) => tlsMode === 'disabled')) return 'DISABLE';
  }
  return view.query(namespaceMtlsMode, service.namespace) ?? 'PERMISSIVE';
}

/**
 * All outbound clusters of a proxy; of several with one name the first. Services of one hostname have the rule of the
 * one that owns it.
 */
export const outboundClusters = worldQuery(
  'outbound-clusters',
  (view): readonly XdsResource[] => {
    const found = new Map<string, XdsResource>();
    const ruleFor = destinationRulesOf(view);
    const { services } = view.query(sidecarScope, '');
    const owners = ownersOf(services);
    const rules = services.map((ref): ServiceRule => ({ ref, rule: ruleFor(owners.get(ref.hostname) ?? ref) }));
    const passing = view.query(passesTlsOn, '') ? rules.map((rule): ServiceRule => ({ ...rule, passesTls: true })) : [];
    for (const key of [...rules, ...passing]) {
      for (const cluster of isolated(key.ref.hostname, () => view.query(serviceClusters, JSON.stringify(key))))
        if (!found.has(cluster.name)) found.set(cluster.name, cluster);
    }
    return [...found.values()];
  },
  { equals: sameResources },
);
