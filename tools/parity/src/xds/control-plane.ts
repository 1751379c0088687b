import { createPublicKey, randomBytes, X509Certificate, type KeyObject } from 'node:crypto';
import { createInProcessBus } from '@flotilla/bus-in-process';
import { createCredentialHub, createReaderList } from '@flotilla/citadel-credentials';
import { listen, type Listening } from '@flotilla/grpc';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { parseMeshConfig, type Problem } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { createPilot } from '@flotilla/pilot-service';
import {
  buildCertificate,
  buildRoot,
  createCertificateSource,
  generateKey,
  keyToPem,
  type KeyAndCertificate,
} from '@flotilla/pki';
import type { Scenario } from './scenario.ts';

/** Certificates for any identity, by one root. */
export interface TestAuthority {
  issue(identity: string, dns?: readonly string[]): KeyAndCertificate;
}

export function createTestAuthority(): TestAuthority {
  const key = generateKey();
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
  const serial = (): Buffer => randomBytes(16);
  const roots = buildRoot(key, { organization: 'parity', validity, serial: serial() });
  const issuer = { key, certificate: new X509Certificate(roots) };
  // One key for all: making one costs more than signing.
  const leaf: KeyObject = generateKey();
  const [publicKey, pem] = [createPublicKey(leaf), keyToPem(leaf)];
  return {
    issue: (identity, dns = []) => ({
      key: pem,
      cert: buildCertificate({ publicKey, validity, serial: serial(), uris: [identity], dns }, issuer),
      roots,
    }),
  };
}

export interface ControlPlane {
  /** Where discovery is served, over mTLS. */
  readonly address: string;
  /** The same without TLS, for who knows no identity. */
  readonly plaintext: string;
  /** What galley found wrong with the scenario. */
  readonly problems: readonly Problem[];
  close(): Promise<void>;
}

/**
 * The services as production wires them, on a scenario: galley's pipeline, the bus in process, pilot on a port of its
 * own.
 */
export async function startControlPlane(scenario: Scenario, authority: TestAuthority): Promise<ControlPlane> {
  const stop = new AbortController();
  const bus = createInProcessBus();
  const readers = scenario.proxies.map(({ account }) => account);
  const credentials = createCredentialHub({ access: createReaderList(readers) });
  credentials.update({ put: scenario.credentials, delete: [] });
  const pilot = createPilot({
    subscriber: bus,
    credentials,
    observability: noObservability,
    signal: stop.signal,
  });
  void pilot.run();
  const mesh = parseMeshConfig({});
  const pipeline = new FilePipeline('parity', mesh.ok ? [mesh.value] : []);
  await bus.publish(pipeline.apply(scenario.files));
  await bus.publish(pipeline.complete());
  await pilot.ready;
  const certificate = createCertificateSource(
    authority.issue(`spiffe://${scenario.trustDomain}/ns/istio-system/sa/pilot`, ['localhost']),
  );
  const any = { host: '127.0.0.1', port: 0 };
  const secure = await listen([pilot.discovery('identified')], {
    at: any,
    tls: { source: certificate, clients: 'required' },
  });
  const plain = await listen([pilot.discovery('any')], { at: any });
  const addressOf = ({ port }: Listening): string => `127.0.0.1:${port}`;
  return {
    address: addressOf(secure),
    plaintext: addressOf(plain),
    problems: pipeline.problems,
    async close() {
      stop.abort();
      await Promise.all([secure.close(), plain.close()]);
      await bus.close();
    },
  };
}
