import { rootsSuffix, type MeshConfig, type ServerTLSSettings } from '@flotilla/model';
import { hasCredentialSocket, ownCertificate as ownFiles, setting, type View } from '@flotilla/pilot-world';
import { bool, envoy } from '@flotilla/proto-gen/envoy';
import { knownCipherSuites } from '@flotilla/rules';
import { typedConfig } from '../finish/typed-config.ts';
import { credentialSecret, ownCertificate, ownRoots } from './sds.ts';

const { DownstreamTlsContext, TlsParameters } = envoy.extensions.transport_sockets.tls.v3;
type ISdsSecretConfig = envoy.extensions.transport_sockets.tls.v3.ISdsSecretConfig;
type ICertificateValidationContext = envoy.extensions.transport_sockets.tls.v3.ICertificateValidationContext;
type ICommonTlsContext = envoy.extensions.transport_sockets.tls.v3.ICommonTlsContext;
const versions: Readonly<Record<string, number>> = {
  TLSV1_0: TlsParameters.TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters.TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters.TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters.TlsProtocol.TLSv1_3,
};

/** Istio reads the mesh's enumeration of versions, which has none below 1.2, as Envoy's, which has. */
const meshMinimum: Readonly<Record<string, number>> = {
  TLSV1_2: TlsParameters.TlsProtocol.TLSv1_0,
  TLSV1_3: TlsParameters.TlsProtocol.TLSv1_1,
};

function parameters(
  { mode, minProtocolVersion, maxProtocolVersion, cipherSuites }: ServerTLSSettings,
  mesh: MeshConfig['tlsDefaults'],
): Pick<ICommonTlsContext, 'tlsParams'> {
  const defaults = mode === 'ISTIO_MUTUAL' ? undefined : mesh;
  const [minimum, maximum] = [
    versions[minProtocolVersion ?? ''] ?? meshMinimum[defaults?.minProtocolVersion ?? ''],
    versions[maxProtocolVersion ?? ''],
  ];
  const own = [...new Set(cipherSuites)].filter((suite) => knownCipherSuites.has(suite));
  const suites = own.length > 0 ? own : [...(defaults?.cipherSuites ?? [])];
  const curves = [...(defaults?.ecdhCurves ?? [])];
  if (minimum === undefined && maximum === undefined && suites.length === 0 && curves.length === 0) return {};
  return {
    tlsParams: {
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: minimum }),
      ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: maximum }),
      ...(suites.length > 0 ? { cipherSuites: suites } : {}),
      ...(curves.length > 0 ? { ecdhCurves: curves } : {}),
    },
  };
}

interface Shown {
  readonly certificate: ISdsSecretConfig;
  readonly roots?: ISdsSecretConfig;
}

/** What a server shows, and by which roots it checks who shows something to it. */
function shown(view: View, tls: ServerTLSSettings): Shown {
  const checks = tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL';
  if (tls.mode === 'ISTIO_MUTUAL') {
    const own = ownFiles(view, 'SERVER');
    return { certificate: ownCertificate(own), roots: ownRoots(own) };
  }
  if (tls.credentialName) {
    const viaSocket = hasCredentialSocket(view);
    return {
      certificate: credentialSecret(tls.credentialName, viaSocket),
      ...(checks ? { roots: credentialSecret(`${tls.credentialName}${rootsSuffix}`, viaSocket) } : {}),
    };
  }
  const files = {
    certificate: tls.serverCertificate ?? '',
    key: tls.privateKey ?? '',
    roots: tls.caCertificates ?? '',
  };
  return { certificate: ownCertificate(files), ...(checks ? { roots: ownRoots(files) } : {}) };
}

/**
 * The names and fingerprints that a client's certificate must have; fingerprints count only beside a credential's
 * roots.
 */
function expected({
  mode,
  credentialName,
  subjectAltNames,
  verifyCertificateSpki,
  verifyCertificateHash,
}: ServerTLSSettings): ICertificateValidationContext {
  const prints = credentialName && mode !== 'ISTIO_MUTUAL';
  return {
    ...(subjectAltNames?.length ? { matchSubjectAltNames: subjectAltNames.map((exact) => ({ exact })) } : {}),
    ...(prints && verifyCertificateSpki?.length ? { verifyCertificateSpki: [...verifyCertificateSpki] } : {}),
    ...(prints && verifyCertificateHash?.length ? { verifyCertificateHash: [...verifyCertificateHash] } : {}),
  };
}

/**
 * How clients' certificates are checked. Without roots a credential's names are passed on, though nothing is checked by
 * them; a stock Envoy 1.36 refuses that, and gets none.
 */
function validation(view: View, tls: ServerTLSSettings, { roots }: Shown): ICommonTlsContext {
  if (roots)
    return {
      combinedValidationContext: { defaultValidationContext: expected(tls), validationContextSdsSecretConfig: roots },
    };
  const { subjectAltNames } = tls;
  return tls.credentialName && subjectAltNames?.length && view.attr('istioExtensions')
    ? { validationContext: { matchSubjectAltNames: subjectAltNames.map((exact) => ({ exact })) } }
    : {};
}

/**
 * The TLS that a gateway's server speaks with clients (Istio's BuildListenerTLSContext,
 * ApplyCredentialSDSToServerCommonTLSContext, ApplyToCommonTLSContext).
 */
export function gatewayTls(
  view: View,
  tls: ServerTLSSettings,
  alpn: readonly string[],
): envoy.config.core.v3.ITransportSocket {
  const shows = shown(view, tls);
  return {
    name: 'envoy.transport_sockets.tls',
    typedConfig: typedConfig(DownstreamTlsContext, {
      commonTlsContext: {
        ...parameters(tls, setting(view, 'tlsDefaults')),
        tlsCertificateSdsSecretConfigs: [shows.certificate],
        ...validation(view, tls, shows),
        alpnProtocols: [...alpn],
      },
      requireClientCertificate: bool(tls.mode === 'MUTUAL' || tls.mode === 'ISTIO_MUTUAL'),
    }),
  };
}
