import type { MeshConfig } from '@flotilla/model';
import type { OwnCertificate } from '@flotilla/pilot-world';
import { bool, envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';
import { ownCertificate, ownRoots } from './sds.ts';

const { DownstreamTlsContext, TlsParameters } = envoy.extensions.transport_sockets.tls.v3;
const { TLSv1_2, TLSv1_3 } = TlsParameters.TlsProtocol;
const cipherSuites = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-GCM-SHA256',
];

/**
 * The mTLS that a sidecar takes from its peers: the workload's own certificate (of the mesh, or `files`), peers of the
 * mesh's trust domains.
 */
export function buildMutualTls(of: {
  alpn: readonly string[];
  trustDomains: readonly string[];
  meshMTLS?: MeshConfig['meshMTLS'];
  files: OwnCertificate;
}): envoy.config.core.v3.ITransportSocket {
  const minimum = of.meshMTLS?.minProtocolVersion === 'TLSV1_3' ? TLSv1_3 : TLSv1_2;
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: typedConfig(DownstreamTlsContext, {
      commonTlsContext: {
        tlsParams: {
          tlsMinimumProtocolVersion: minimum,
          tlsMaximumProtocolVersion: TLSv1_3,
          cipherSuites: [...(of.meshMTLS?.cipherSuites?.length ? of.meshMTLS.cipherSuites : cipherSuites)],
          ...(of.meshMTLS?.ecdhCurves?.length ? { ecdhCurves: [...of.meshMTLS.ecdhCurves] } : {}),
        },
        tlsCertificateSdsSecretConfigs: [ownCertificate(of.files)],
        combinedValidationContext: {
          defaultValidationContext: {
            matchSubjectAltNames: of.trustDomains.map((domain) => ({ prefix: `spiffe://${domain}/` })),
          },
          validationContextSdsSecretConfig: ownRoots(of.files),
        },
        alpnProtocols: [...of.alpn],
      },
      requireClientCertificate: bool(true),
    }),
  };
}
