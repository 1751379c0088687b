import { createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import { buildRootMaterial, createAuthority, parseRoot } from '@flotilla/citadel-authority';
import type { Authority } from '@flotilla/citadel-authority';
import { parseBootstrapTokens } from '@flotilla/citadel-identity';
import { createCaService } from '@flotilla/citadel-server';
import type { GrpcService } from '@flotilla/grpc';
import type { Observability } from '@flotilla/observability-port';
import { createCertificateSource, generateKey, keyToPem } from '@flotilla/pki';
import type { CertificateSource, MutableCertificateSource } from '@flotilla/pki';
import { configLimits, err, ok, readJsonObject, systemClock } from '@flotilla/std';
import type { Clock, OptionsOf, Result } from '@flotilla/std';
import { createFileValue } from './file-value.ts';
import type { RootStore } from './root-store.ts';
import type { citadelSettings } from './settings.ts';

export interface CitadelOptions extends Omit<OptionsOf<ReturnType<typeof citadelSettings>>, 'rootFile' | 'secretsDir' | 'maxCredentials'> {
  /** The service account of its own certificate; `citadel`, or what it is part of. */
  readonly service?: string;
  readonly root: RootStore;
  readonly observability: Observability;
  readonly clock?: Clock;
}
export interface Citadel extends GrpcService {
  readonly authority: Authority;
  /** Its own, for the port that it is served on. */
  readonly certificate: CertificateSource;
  /** Ends renewing that. */
  close(): void;
}

/** The CA with its root, made and kept at the first start. Throws when the kept root can't sign. */
export async function createCitadel(options: CitadelOptions): Promise<Citadel> {
  const { trustDomain, jwksFile, jwtIssuer, jwtAudience, observability, clock = systemClock } = options;
  const log = observability.log.scope('serverca');
  const serial = (): Buffer => randomBytes(16);
  const material = (await options.root.load()) ?? await options.root.keep(buildRootMaterial({ trustDomain, now: clock.now(), serial: serial() }));
  const issuer = parseRoot(material, clock.now());
  if (!issuer.ok) throw new Error(issuer.error);
  const authority = createAuthority({ issuer: issuer.value, clock, serial, defaultTtlMs: options.defaultCertTtl, maxTtlMs: options.maxCertTtl });
  await publish(options.rootCertOut, authority.rootPem);
  observability.metrics.gauge('citadel_server_root_cert_expiry_timestamp', 'The unix timestamp, in seconds, when the root cert will expire.').set(authority.rootNotAfter / 1000);

  const certificate = createCertificateSource();
  const stopRenewing = keepOwnCertificate(certificate, { authority, options, clock });
  const complain = (message: string): void => log.error('the last good version stays in force', { problem: message });
  const keys = jwksFile === undefined ? undefined : createFileValue(jwksFile, parseJwks, complain);
  const bootstrap = createFileValue(options.bootstrapTokensFile, parseBootstrapTokens, complain);
  const service = createCaService({
    authority, observability,
    authentication: {
      trustDomain, clock, roots: () => [issuer.value.certificate], bootstrap: () => bootstrap() ?? [],
      ...(keys ? { jwt: { issuer: jwtIssuer, audience: jwtAudience, trustDomain, clock, keys } } : {}),
    },
  });
  return { authority, certificate, addTo: service.addTo, close: stopRenewing };
}

interface OwnCertificate { readonly authority: Authority; readonly options: CitadelOptions; readonly clock: Clock }

/** Citadel signs its own certificate, and a new one at half of its life. */
function keepOwnCertificate(source: MutableCertificateSource, { authority, options, clock }: OwnCertificate): () => void {
  let cancel = (): void => {};
  const renew = (): void => {
    const key = generateKey();
    const identity = { trustDomain: options.trustDomain, namespace: 'istio-system', serviceAccount: options.service ?? 'citadel' };
    const issued = authority.sign({ publicKey: createPublicKey(key), identity, ttlMs: 0, dns: options.dnsName });
    if (!issued.ok) return options.observability.log.scope('serverca').error('citadel can\'t renew its own certificate', { reason: issued.error });
    source.set({ key: keyToPem(key), cert: issued.value.chain[0] ?? '', roots: authority.rootPem });
    // A timer holds at most 2^31 ms.
    cancel = clock.after(Math.max(Math.min((issued.value.notAfter - clock.now()) / 2, 2 ** 31 - 1), 1000), renew);
  };
  renew();
  return () => cancel();
}

async function publish(path: string, pem: string): Promise<void> {
  const draft = `${path}.${randomUUID()}.new`;
  await writeFile(draft, pem, { mode: 0o644 });
  await rename(draft, path);
}

function parseJwks(text: string): Result<JSONWebKeySet> {
  const parsed = readJsonObject(text, configLimits);
  if (!parsed.ok) return err(parsed.error.message);
  const { keys } = parsed.value;
  const isKey = (key: unknown): boolean => typeof key === 'object' && key !== null && 'kty' in key && typeof key.kty === 'string';
  return Array.isArray(keys) && keys.every(isKey) ? ok(parsed.value as unknown as JSONWebKeySet) : err('expected {"keys": [...]}, each with its kty');
}
