import { setting } from '@flotilla/std';

/** What citadel signs with, for whom and for how long; its files lie below `folder` by default. */
export const citadelSettings = (folder = '.cache/citadel') => ({
  trustDomain: setting.text('trust domain, the first part of every identity', 'cluster.local'),
  rootFile: setting.path(
    'key and certificate of the self-signed root, created if missing, mode 0600',
    `${folder}/root.pem`,
  ),
  rootCertOut: setting.optionalPath(
    `file to write the root certificate to, for peers; default: ${folder}/root-cert.pem, and none with --platform kubernetes`,
  ),
  defaultCertTtl: setting.duration('lifetime of a certificate whose request names none', '24h', {
    env: 'DEFAULT_WORKLOAD_CERT_TTL',
  }),
  maxCertTtl: setting.duration('longest lifetime of a certificate', '2160h', { env: 'MAX_WORKLOAD_CERT_TTL' }),
  jwksFile: setting.optionalPath(
    'file of keys for service account tokens (JWKS), read again when it changes; without it such tokens are refused',
  ),
  jwtIssuer: setting.optionalText(
    'issuer of service account tokens; default: https://kubernetes.default.svc.DOMAIN, with --domain',
  ),
  jwtAudience: setting.text('audience of service account tokens', 'istio-ca'),
  bootstrapTokensFile: setting.optionalPath(
    `JSON object of tokens by control-plane service, created if missing and then replaced before they expire, mode 0600; read again when it changes; default: ${folder}/bootstrap-tokens.json, and none with --platform kubernetes`,
  ),
  bootstrapTokenTtl: setting.duration(
    'lifetime of a bootstrap token, from its creation or from the time its file was written',
    '24h',
  ),
  secretsDir: setting.list('file or folder of Secrets as YAML, watched: what gateways get by credentialName', [], {
    metavar: 'path',
  }),
  credentialReader: serviceAccounts(
    'service account whose gateways get the certificates and keys in Secrets of its namespace; others get none. With --platform kubernetes, the API server decides instead, by who may list Secrets',
  ),
  maxCredentialsPerStream: setting.count(
    'credentials and service accounts that one stream of pilot may follow at a time; a stream that requests more is ended',
    20_000,
  ),
  maxCertificates: setting.count('certificates signed per second; ten times as many in a burst', 2000),
  maxCertificatesPerIdentity: setting.count(
    'certificates signed per second for one service account; ten times as many in a burst',
    500,
  ),
  maxFailedAuthentications: setting.count(
    'requests per second from one address that fail to authenticate; beyond that they must wait; ten times as many in a burst',
    20,
  ),
  dnsName: setting.list(
    'DNS name of this service; default: localhost and those of its Kubernetes Service in --system-namespace',
    [],
  ),
});

const account = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function serviceAccounts(describe: string) {
  const list = setting.list(describe, [], { metavar: 'namespace/serviceaccount' });
  const parse = (given: string): readonly string[] =>
    list.parse(given).map((each) => {
      if (!account.test(each))
        throw new Error(
          `${JSON.stringify(each)} is not NAMESPACE/SERVICEACCOUNT, as in istio-system/istio-ingressgateway`,
        );
      return each;
    });
  return { ...list, parse };
}
