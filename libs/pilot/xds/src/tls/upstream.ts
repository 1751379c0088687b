import { rootsSuffix, type ClientTLSSettings, type MeshConfig } from '@flotilla/model';
import { envoy } from '@flotilla/proto-gen/envoy';
import { typedConfig } from '../finish/typed-config.ts';
import { credentialSecret, fileCertificate, fileRoots, workloadSecret } from './sds.ts';

const tls = envoy.extensions.transport_sockets.tls.v3;
type IUpstreamTlsContext = envoy.extensions.transport_sockets.tls.v3.IUpstreamTlsContext;
type ICommonTlsContext = envoy.extensions.transport_sockets.tls.v3.ICommonTlsContext;
type ITransportSocket = envoy.config.core.v3.ITransportSocket;
const { TLSv1_2, TLSv1_3 } = tls.TlsParameters.TlsProtocol;

export interface UpstreamTlsOptions {
  readonly http2: boolean;
  /** Whether this Envoy exchanges metadata on the connection; then it offers that protocol too. */
  readonly peerExchange: boolean;
  /**
   * Whether it may request Kubernetes secrets from the control plane: gateways may, and sidecars that a rule selects.
   */
  readonly credentials: boolean;
  /** Whether there is a socket beside it at which someone else serves secrets. */
  readonly credentialSocket: boolean;
  /** What the mesh requires where the TLS isn't its own. */
  readonly defaults: MeshConfig['tlsDefaults'];
}

const alternativeNames = (
  names: readonly string[] | undefined,
): envoy.extensions.transport_sockets.tls.v3.ICertificateValidationContext =>
  names?.length ? { matchSubjectAltNames: names.map((exact) => ({ exact })) } : {};

/** The TLS that a client speaks for its settings; undefined for none (Istio's buildUpstreamClusterTLSContext). */
export function buildUpstreamTls(
  settings: ClientTLSSettings,
  options: UpstreamTlsOptions,
): IUpstreamTlsContext | undefined {
  const versions = { tlsMinimumProtocolVersion: TLSv1_2, tlsMaximumProtocolVersion: TLSv1_3 };
  const { ecdhCurves, cipherSuites } = options.defaults ?? {};
  const outside: ICommonTlsContext = {
    tlsParams: {
      ...versions,
      ...(ecdhCurves?.length ? { ecdhCurves: [...ecdhCurves] } : {}),
      ...(cipherSuites?.length ? { cipherSuites: [...cipherSuites] } : {}),
    },
  };
  const sni = settings.sni ? { sni: settings.sni } : {};
  const alpn = options.http2 ? { alpnProtocols: ['h2'] } : {};
  if (settings.credentialName && !options.credentials && settings.mode !== 'ISTIO_MUTUAL') return undefined;
  switch (settings.mode ?? 'DISABLE') {
    case 'DISABLE':
      return undefined;
    case 'ISTIO_MUTUAL':
      return {
        commonTlsContext: {
          tlsParams: versions,
          tlsCertificateSdsSecretConfigs: [workloadSecret('default')],
          combinedValidationContext: {
            defaultValidationContext: alternativeNames(settings.subjectAltNames),
            validationContextSdsSecretConfig: workloadSecret('ROOTCA'),
          },
          alpnProtocols: [
            ...(options.peerExchange ? ['istio-peer-exchange'] : []),
            'istio',
            ...(options.http2 ? ['h2'] : []),
          ],
        },
        ...sni,
      };
    case 'SIMPLE':
      return { commonTlsContext: { ...outside, ...validation(settings, options), ...alpn }, ...sni };
    case 'MUTUAL': {
      const { credentialName, clientCertificate, privateKey } = settings;
      if (!credentialName && (!clientCertificate || !privateKey)) return undefined;
      const certificate = credentialName
        ? credentialSecret(credentialName, options.credentialSocket)
        : fileCertificate(clientCertificate ?? '', privateKey ?? '');
      return {
        commonTlsContext: {
          ...outside,
          tlsCertificateSdsSecretConfigs: [certificate],
          ...validation(settings, options),
          ...alpn,
        },
        ...sni,
      };
    }
  }
}

/** How the server's certificate is checked; without roots, or where the rule skips it, not at all. */
function validation(
  { credentialName, caCertificates, insecureSkipVerify, subjectAltNames }: ClientTLSSettings,
  { credentialSocket }: UpstreamTlsOptions,
): ICommonTlsContext {
  if (credentialName && insecureSkipVerify) return {};
  const roots = credentialName
    ? credentialSecret(`${credentialName}${rootsSuffix}`, credentialSocket)
    : caCertificates
      ? fileRoots(caCertificates)
      : undefined;
  if (!roots || insecureSkipVerify) return { validationContext: {} };
  return {
    combinedValidationContext: {
      defaultValidationContext: alternativeNames(subjectAltNames),
      validationContextSdsSecretConfig: roots,
    },
  };
}

export const tlsSocket = (context: IUpstreamTlsContext): ITransportSocket => ({
  name: 'envoy.transport_sockets.tls',
  typedConfig: typedConfig(tls.UpstreamTlsContext, context),
});

/** Per endpoint: TLS to those with a sidecar, plain text to the others. */
export const socketMatches = (socket: ITransportSocket): envoy.config.cluster.v3.Cluster.ITransportSocketMatch[] => [
  { name: 'tlsMode-istio', match: { fields: { tlsMode: { stringValue: 'istio' } } }, transportSocket: socket },
  {
    name: 'tlsMode-disabled',
    match: {},
    transportSocket: {
      name: 'envoy.transport_sockets.raw_buffer',
      typedConfig: typedConfig(envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer, {}),
    },
  },
];
