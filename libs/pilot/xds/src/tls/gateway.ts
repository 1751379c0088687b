import type { MeshConfig, ServerTLSSettings } from '@flotilla/model';
import { any, bool, envoy } from '@flotilla/proto-gen/envoy';
import { credentialSecret, fileCertificate, fileRoots, workloadSecret } from './sds.ts';

const { DownstreamTlsContext, TlsParameters } = envoy.extensions.transport_sockets.tls.v3;
type ICommonTlsContext = envoy.extensions.transport_sockets.tls.v3.ICommonTlsContext;
const versions: Readonly<Record<string, number>> = {
  TLSV1_0: TlsParameters.TlsProtocol.TLSv1_0, TLSV1_1: TlsParameters.TlsProtocol.TLSv1_1, TLSV1_2: TlsParameters.TlsProtocol.TLSv1_2, TLSV1_3: TlsParameters.TlsProtocol.TLSv1_3,
};

/** Suites that Envoy has; others, which it would refuse, are left out (Istio's IsValidCipherSuite). */
const knownSuites = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA', 'AES128-GCM-SHA256', 'AES256-GCM-SHA384',
  'AES128-SHA', 'AES256-SHA', 'DES-CBC3-SHA',
]);

/** Istio reads the mesh's enumeration of versions, which has none below 1.2, as Envoy's, which has. */
const meshMinimum: Readonly<Record<string, number>> = { TLSV1_2: TlsParameters.TlsProtocol.TLSv1_0, TLSV1_3: TlsParameters.TlsProtocol.TLSv1_1 };

function parameters({ mode, minProtocolVersion, maxProtocolVersion, cipherSuites }: ServerTLSSettings, mesh: MeshConfig['tlsDefaults']): Pick<ICommonTlsContext, 'tlsParams'> {
  const defaults = mode === 'ISTIO_MUTUAL' ? undefined : mesh;
  const [minimum, maximum] = [versions[minProtocolVersion ?? ''] ?? meshMinimum[defaults?.minProtocolVersion ?? ''], versions[maxProtocolVersion ?? '']];
  const own = [...new Set(cipherSuites)].filter((suite) => knownSuites.has(suite));
  const suites = own.length > 0 ? own : [...(defaults?.cipherSuites ?? [])];
  const curves = [...(defaults?.ecdhCurves ?? [])];
  if (minimum === undefined && maximum === undefined && suites.length === 0 && curves.length === 0) return {};
  return {
    tlsParams: {
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: minimum }), ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: maximum }),
      ...(suites.length > 0 ? { cipherSuites: suites } : {}), ...(curves.length > 0 ? { ecdhCurves: curves } : {}),
    },
  };
}

/** The TLS that a gateway's server speaks with clients (Istio's buildGatewayListenerTLSContext). */
export function buildGatewayTls(tls: ServerTLSSettings, { alpn, mesh }: { readonly alpn: readonly string[]; readonly mesh: MeshConfig['tlsDefaults'] }): envoy.config.core.v3.ITransportSocket {
  const names = tls.subjectAltNames?.length ? { matchSubjectAltNames: tls.subjectAltNames.map((exact) => ({ exact })) } : {};
  const mutual = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL';
  const roots = tls.mode === 'ISTIO_MUTUAL' ? workloadSecret('ROOTCA') : !mutual ? undefined
    : tls.credentialName ? credentialSecret(`${tls.credentialName}-cacert`) : tls.caCertificates ? fileRoots(tls.caCertificates) : undefined;
  const certificate = tls.mode === 'ISTIO_MUTUAL' ? workloadSecret('default')
    : tls.credentialName ? credentialSecret(tls.credentialName) : fileCertificate(tls.serverCertificate ?? '', tls.privateKey ?? '');
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: any(DownstreamTlsContext, {
      commonTlsContext: {
        ...parameters(tls, mesh),
        tlsCertificateSdsSecretConfigs: [certificate],
        ...(roots ? { combinedValidationContext: { defaultValidationContext: names, validationContextSdsSecretConfig: roots } } : {}),
        alpnProtocols: [...alpn],
      },
      requireClientCertificate: bool(tls.mode === 'MUTUAL' || tls.mode === 'ISTIO_MUTUAL'),
    }),
  };
}
