import { bool, enumeration, map, message, repeated, string, struct, uint, int, type Infer } from './schema.ts';
import { LabelsSelector, Port } from './common.ts';

export const ServerTLSSettings = message({
  httpsRedirect: bool,
  mode: enumeration(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL']),
  serverCertificate: string,
  privateKey: string,
  caCertificates: string,
  credentialName: string,
  subjectAltNames: repeated(string),
  verifyCertificateSpki: repeated(string),
  verifyCertificateHash: repeated(string),
  minProtocolVersion: enumeration(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']),
  maxProtocolVersion: enumeration(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']),
  cipherSuites: repeated(string),
});
export type ServerTLSSettings = Infer<typeof ServerTLSSettings>;
export const Server = message({
  port: Port,
  bind: string,
  hosts: repeated(string),
  tls: ServerTLSSettings,
  defaultEndpoint: string,
  name: string,
});
export type Server = Infer<typeof Server>;
/** networking.istio.io Gateway */
export const Gateway = message({ servers: repeated(Server), selector: map(string) });
export type Gateway = Infer<typeof Gateway>;

/** networking.istio.io WorkloadEntry */
export const WorkloadEntry = message({
  address: string,
  ports: map(uint),
  labels: map(string),
  network: string,
  locality: string,
  weight: uint,
  serviceAccount: string,
});
export type WorkloadEntry = Infer<typeof WorkloadEntry>;
export const ServicePort = message({ number: uint, protocol: string, name: string, targetPort: uint });
/** networking.istio.io ServiceEntry */
export const ServiceEntry = message({
  hosts: repeated(string),
  addresses: repeated(string),
  ports: repeated(ServicePort),
  location: enumeration(['MESH_EXTERNAL', 'MESH_INTERNAL']),
  resolution: enumeration(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN']),
  endpoints: repeated(WorkloadEntry),
  workloadSelector: LabelsSelector,
  exportTo: repeated(string),
  subjectAltNames: repeated(string),
});
export type ServiceEntry = Infer<typeof ServiceEntry>;
/** How a workload shows that it is ready. */
export const ReadinessProbe = message(
  {
    initialDelaySeconds: int,
    timeoutSeconds: int,
    periodSeconds: int,
    successThreshold: int,
    failureThreshold: int,
    httpGet: message({
      path: string,
      port: uint,
      host: string,
      scheme: string,
      httpHeaders: repeated(message({ name: string, value: string })),
    }),
    tcpSocket: message({ host: string, port: uint }),
    exec: message({ command: repeated(string) }),
  },
  [['httpGet', 'tcpSocket', 'exec']],
);
/** networking.istio.io WorkloadGroup */
export const WorkloadGroup = message({
  metadata: message({ labels: map(string), annotations: map(string) }),
  template: WorkloadEntry,
  probe: ReadinessProbe,
});
export type WorkloadGroup = Infer<typeof WorkloadGroup>;

const CaptureMode = enumeration(['DEFAULT', 'IPTABLES', 'NONE']);
export const IstioIngressListener = message({
  port: Port,
  bind: string,
  captureMode: CaptureMode,
  defaultEndpoint: string,
  tls: ServerTLSSettings,
});
export type IstioIngressListener = Infer<typeof IstioIngressListener>;
export const IstioEgressListener = message({
  port: Port,
  bind: string,
  captureMode: CaptureMode,
  hosts: repeated(string),
});
export type IstioEgressListener = Infer<typeof IstioEgressListener>;
const outboundMode = enumeration(['REGISTRY_ONLY', 'ALLOW_ANY']);
export const MeshOutboundTrafficPolicy = message({ mode: outboundMode });
const OutboundTrafficPolicy = message({
  mode: outboundMode,
  egressProxy: message({ host: string, subset: string, port: message({ number: uint }) }),
});
/** networking.istio.io Sidecar */
export const Sidecar = message({
  workloadSelector: LabelsSelector,
  ingress: repeated(IstioIngressListener),
  egress: repeated(IstioEgressListener),
  outboundTrafficPolicy: OutboundTrafficPolicy,
});
export type Sidecar = Infer<typeof Sidecar>;

const PatchContext = enumeration(['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY']);
/** networking.istio.io EnvoyFilter */
export const EnvoyFilter = message({
  workloadSelector: LabelsSelector,
  priority: int,
  configPatches: repeated(
    message({
      applyTo: enumeration({
        INVALID: 0,
        LISTENER: 1,
        FILTER_CHAIN: 2,
        NETWORK_FILTER: 3,
        HTTP_FILTER: 4,
        ROUTE_CONFIGURATION: 5,
        VIRTUAL_HOST: 6,
        HTTP_ROUTE: 7,
        CLUSTER: 8,
        EXTENSION_CONFIG: 9,
        BOOTSTRAP: 10,
        LISTENER_FILTER: 11,
      }),
      match: message(
        {
          context: PatchContext,
          proxy: message({ proxyVersion: string, metadata: map(string) }),
          listener: message({
            portNumber: uint,
            portName: string,
            listenerFilter: string,
            name: string,
            filterChain: message({
              name: string,
              sni: string,
              transportProtocol: string,
              applicationProtocols: string,
              destinationPort: uint,
              filter: message({ name: string, subFilter: message({ name: string }) }),
            }),
          }),
          routeConfiguration: message({
            portNumber: uint,
            portName: string,
            gateway: string,
            name: string,
            vhost: message({
              name: string,
              route: message({ name: string, action: enumeration(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE']) }),
            }),
          }),
          cluster: message({ portNumber: uint, service: string, subset: string, name: string }),
        },
        [['listener', 'routeConfiguration', 'cluster']],
      ),
      patch: message({
        operation: enumeration([
          'INVALID',
          'MERGE',
          'ADD',
          'REMOVE',
          'INSERT_BEFORE',
          'INSERT_AFTER',
          'INSERT_FIRST',
          'REPLACE',
        ]),
        value: struct,
        filterClass: enumeration(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']),
      }),
    }),
  ),
});
export type EnvoyFilter = Infer<typeof EnvoyFilter>;
