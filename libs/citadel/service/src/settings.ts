import { setting } from '@flotilla/std';

/** What citadel signs with, for whom and for how long; its files lie below `folder` by default. */
export const citadelSettings = (folder = '.cache/citadel') => ({
  trustDomain: setting.text('first part of every identity', 'cluster.local'),
  rootFile: setting.path('key and certificate of the self-signed root, made when missing, mode 0600', `${folder}/root.pem`),
  rootCertOut: setting.path('the root certificate is written here for peers', `${folder}/root-cert.pem`),
  defaultCertTtl: setting.duration('lifetime of a certificate when none is asked for', '24h', { env: 'DEFAULT_WORKLOAD_CERT_TTL' }),
  maxCertTtl: setting.duration('longest lifetime', '2160h', { env: 'MAX_WORKLOAD_CERT_TTL' }),
  jwksFile: setting.optionalPath('keys of service account tokens (JWKS), read again when changed; without it such tokens are refused'),
  jwtIssuer: setting.text('issuer of service account tokens', 'https://kubernetes.default.svc.cluster.local'),
  jwtAudience: setting.text('audience of service account tokens', 'istio-ca'),
  bootstrapTokensFile: setting.path('JSON object of control-plane service: token, made when missing and then replaced in time, mode 0600; read again when changed', `${folder}/bootstrap-tokens.json`),
  bootstrapTokenTtl: setting.duration('lifetime of a bootstrap token, from when it was made or its file written', '24h'),
  secretsDir: setting.list('file or folder of Secrets as YAML, watched: what gateways get by credentialName', [], { metavar: 'path' }),
  maxCredentials: setting.count('credentials of Secrets that pilot may follow at a time; a stream that asks for more ends', 20_000),
  maxCertificates: setting.count('certificates signed per second; ten times as many at once', 2000),
  maxCertificatesPerIdentity: setting.count('certificates signed per second for one service account; ten times as many at once', 500),
  maxFailedAuthentications: setting.count('requests per second from one address that prove no identity before it is told to wait; ten times as many at once', 20),
  dnsName: setting.list('DNS name of this service', ['istio-citadel.istio-system.svc', 'localhost']),
});
