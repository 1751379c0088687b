import { createPublicKey, randomBytes, X509Certificate } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { buildRootMaterial, createAuthority, parseRoot } from '@flotilla/citadel-authority';
import type { Authority, SigningCa } from '@flotilla/citadel-authority';
import { serviceNames } from '@flotilla/citadel-identity';
import { createKeyVerification, createTokenReviews, refuseTokens } from '@flotilla/citadel-identity';
import type { TokenReviewOptions, VerifyToken } from '@flotilla/citadel-identity';
import { createCaService, createIdentityService } from '@flotilla/citadel-server';
import type { GrpcService } from '@flotilla/grpc';
import type { IdentifyToken, Installation } from '@flotilla/model';
import type { Logger, Observability } from '@flotilla/observability-port';
import { createCertificateSource, generateKey, isDue, keyToPem, middleOf } from '@flotilla/pki';
import type { CertificateSource, MutableCertificateSource } from '@flotilla/pki';
import { controlPlaneIdentity, spiffeOf } from '@flotilla/rules';
import { configLimits, err, messageOf, ok, readJsonObject, systemClock } from '@flotilla/std';
import type { Clock, OptionsOf, Result } from '@flotilla/std';
import { replaceFile } from '@flotilla/stored-file';
import { keepBootstrapTokens, noBootstrapTokens } from './bootstrap-tokens.ts';
import { warnBeforeExpiry } from './expiry-warnings.ts';
import { createFileValue } from './file-value.ts';
import type { RootStore } from './root-store.ts';
import type { citadelSettings } from './citadel-settings.ts';

export interface CitadelOptions
  extends
    Omit<
      OptionsOf<ReturnType<typeof citadelSettings>>,
      'rootFile' | 'secretsDir' | 'credentialReader' | 'maxCredentialsPerStream'
    >,
    Omit<Installation, 'clusterId'> {
  /** The service account of its own certificate; `citadel`, or what it is part of. */
  readonly service?: string;
  readonly root: RootStore;
  /** A CA that others signed: if there is one, the root is not used. Rejects when it is not valid. */
  readonly pluggedIn?: (() => Promise<SigningCa | undefined>) | undefined;
  /** Asks an API server whom a token belongs to; without it, tokens are checked with the keys of `jwksFile`. */
  readonly review?: TokenReviewOptions['review'] | undefined;
  readonly observability: Observability;
  readonly clock?: Clock;
}
export interface Citadel extends GrpcService {
  readonly authority: Authority;
  /** Its own, for the port that it is served on. */
  readonly certificate: CertificateSource;
  /** Whom a ServiceAccount's token belongs to, for pilot in the same process. */
  readonly identify: IdentifyToken;
  /** The same for pilot in another process, over mTLS. */
  readonly identity: GrpcService;
  /** Ends renewing its certificate and its bootstrap tokens. */
  close(): void;
}

/**
 * The CA with the plugged-in certificate, else with a root of its own, made and kept at the first start. Throws when
 * that can't sign.
 */
export async function createCitadel(options: CitadelOptions): Promise<Citadel> {
  const { trustDomain, systemNamespace, jwksFile, jwtAudience, observability, clock = systemClock } = options;
  const jwtIssuer = options.jwtIssuer ?? `https://kubernetes.default.svc.${options.domain}`;
  const log = observability.log.scope('serverca');
  const pluggedIn = await options.pluggedIn?.();
  const ca = pluggedIn ?? (await openRoot(options.root, { trustDomain, clock }));
  log.info(pluggedIn ? 'signing with the plugged-in CA certificate' : 'signing with a self-signed root', {
    notAfter: ca.certificate.validToDate.toISOString(),
    roots: ca.roots.length,
  });
  const authority = createAuthority({
    issuer: ca,
    clock,
    serial: newSerial,
    defaultTtlMs: options.defaultCertTtl,
    maxTtlMs: options.maxCertTtl,
  });
  await writeRoot(options.rootCertOut, { text: authority.rootPem, log });
  observability.metrics
    .gauge(
      'citadel_server_root_cert_expiry_timestamp',
      'The unix timestamp, in seconds, when the root cert will expire.',
    )
    .set(firstEnd(ca.roots, clock.now()) / 1000);
  const stopWarning = warnBeforeExpiry({ ca, remedy: pluggedIn ? remedies.pluggedIn : remedies.root, clock, log });

  const certificate = createCertificateSource();
  const stopRenewing = keepOwnCertificate(certificate, { authority, options, clock });
  const complain = (message: string): void => log.error('the last good version stays in force', { problem: message });
  const keys = jwksFile === undefined ? undefined : createFileValue(jwksFile, parseJwks, complain);
  const tokens = { trustDomain, audience: jwtAudience, clock };
  const byKeys = keys ? createKeyVerification({ ...tokens, issuer: jwtIssuer, keys }) : refuseTokens;
  const verifyToken: VerifyToken = options.review ? createTokenReviews({ ...tokens, review: options.review }) : byKeys;
  const bootstrap =
    options.bootstrapTokensFile === undefined
      ? noBootstrapTokens
      : await keepBootstrapTokens({
          path: options.bootstrapTokensFile,
          ttlMs: options.bootstrapTokenTtl,
          clock,
          log,
        });
  const service = createCaService({
    authority,
    observability,
    rates: {
      perIdentity: options.maxCertificatesPerIdentity,
      overall: options.maxCertificates,
      failuresPerAddress: options.maxFailedAuthentications,
    },
    authentication: {
      trustDomain,
      systemNamespace,
      domain: options.domain,
      clock,
      roots: () => ca.roots,
      intermediates: () => ca.intermediates,
      bootstrap: bootstrap.current,
      verifyToken,
    },
  });
  const close = (): void => {
    stopRenewing();
    stopWarning();
    bootstrap.close();
  };
  const identify: IdentifyToken = async (token, address) => {
    const verdict = await verifyToken(token, address);
    return verdict.kind === 'accepted' ? { ...verdict, identity: spiffeOf(verdict.identity) } : verdict;
  };
  const identity = createIdentityService({ identify, allow: [controlPlaneIdentity(options, 'pilot')], observability });
  return { authority, certificate, identify, identity, addTo: service.addTo, close };
}

const newSerial = (): Buffer => randomBytes(16);

/** What to do about a certificate that ends soon. */
const remedies = {
  pluggedIn: 'store new ones in the Secret cacerts and restart citadel',
  root: 'remove the kept root and restart citadel for a new one, which every service and workload must then get again; in a cluster, the Secret cacerts can hold a new CA certificate with both roots (docs/kubernetes.md)',
};

/** When the first of the roots ends, of those that have not ended before; epoch milliseconds. */
const firstEnd = (roots: readonly X509Certificate[], now: number): number =>
  Math.min(...roots.map((root) => root.validToDate.getTime()).filter((end) => end > now));

/** The self-signed root: the kept one, else a new one. Throws when it can't sign. */
async function openRoot(
  store: RootStore,
  { trustDomain, clock }: { readonly trustDomain: string; readonly clock: Clock },
): Promise<SigningCa> {
  const material =
    (await store.load()) ??
    (await store.keep(buildRootMaterial({ trustDomain, now: clock.now(), serial: newSerial(), key: generateKey() })));
  const root = parseRoot(material, clock.now());
  if (!root.ok) throw new Error(root.error);
  return root.value;
}

/** Only logs a failure to write the root, since peers that already have it are not affected. */
async function writeRoot(
  file: string | undefined,
  { text, log }: { readonly text: string; readonly log: Logger },
): Promise<void> {
  if (file === undefined) return;
  await replaceFile(file, { text, mode: 0o644 }).catch((thrown: unknown) =>
    log.error("the root certificate can't be written for peers", { file, problem: messageOf(thrown) }),
  );
}

interface OwnCertificate {
  readonly authority: Authority;
  readonly options: CitadelOptions;
  readonly clock: Clock;
}

/** How often the certificate's validity is checked: timers may be late, and clocks jump. */
const checkMs = 60_000;

/** Signs citadel's own certificate, and a new one at half of its life, or when it is not valid by citadel's clock. */
function keepOwnCertificate(
  source: MutableCertificateSource,
  { authority, options, clock }: OwnCertificate,
): () => void {
  let cancel = (): void => {};
  let held: X509Certificate | undefined;
  const identity = {
    trustDomain: options.trustDomain,
    namespace: options.systemNamespace,
    serviceAccount: options.service ?? 'citadel',
  };
  const dns = options.dnsName.length > 0 ? options.dnsName : [...serviceNames(identity, options.domain), 'localhost'];
  const check = (): void => {
    if (isDue(held, clock.now())) renew();
    const next = held ? middleOf(held) - clock.now() : 0;
    cancel = clock.after(Math.min(Math.max(next, 1000), checkMs), check);
  };
  const renew = (): void => {
    const key = generateKey();
    const issued = authority.sign({ publicKey: createPublicKey(key), identity, ttlMs: 0, dns });
    if (!issued.ok)
      return options.observability.log
        .scope('serverca')
        .error("citadel can't renew its own certificate", { reason: issued.error.message });
    const [cert = ''] = issued.value.chain;
    held = new X509Certificate(cert);
    source.set({ key: keyToPem(key), cert: cert + authority.intermediatesPem, roots: authority.rootPem });
  };
  check();
  return () => cancel();
}

function parseJwks(text: string): Result<JSONWebKeySet> {
  const parsed = readJsonObject(text, configLimits);
  if (!parsed.ok) return err(parsed.error.message);
  const { keys } = parsed.value;
  const isKey = (key: unknown): boolean =>
    typeof key === 'object' && key !== null && 'kty' in key && typeof key.kty === 'string';
  return Array.isArray(keys) && keys.every(isKey)
    ? ok(parsed.value as unknown as JSONWebKeySet)
    : err('expected {"keys": [...]}, each with its kty');
}
