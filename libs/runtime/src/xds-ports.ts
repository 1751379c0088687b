import type { GrpcService } from '@flotilla/grpc';
import type { Logger } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import type { OptionsOf } from '@flotilla/std';
import { grpcRunner } from './grpc-runner.ts';
import { grpcLimits, type grpcSettings, type Guard } from './server-settings.ts';
import type { Runner } from './runners.ts';

export interface XdsPortOptions extends OptionsOf<ReturnType<typeof grpcSettings>> {
  readonly bind: string;
  /** Plaintext. */
  readonly grpcPort: number;
  /** TLS. */
  readonly secureGrpcPort: number;
  readonly maxXdsConnections: number;
}
export interface XdsPortParts {
  readonly pilot: { readonly ready: Promise<unknown>; discovery(clients: 'any' | 'identified'): GrpcService };
  readonly certificate: CertificateSource;
  /** What is served on the TLS port in addition to xDS, and the port's name in the log in that case. */
  readonly beside?: { readonly services: readonly GrpcService[]; readonly name: string };
  /** What the TLS port waits for, besides pilot. */
  readonly after?: Promise<unknown>;
  readonly maxMessageBytes: number;
  readonly log: Logger;
  readonly guard: Guard;
}

/** Pilot's two ports, which are opened once it is ready. */
export function xdsPorts(
  options: XdsPortOptions,
  { pilot, certificate, beside, after, maxMessageBytes, log, guard }: XdsPortParts,
): { readonly runners: readonly Runner[]; readonly ready: Readonly<Record<string, Promise<unknown>>> } {
  const grpc = { ...grpcLimits(options), maxMessageBytes };
  const plaintext = grpcRunner({
    name: 'xds',
    log,
    after: pilot.ready,
    services: [pilot.discovery('any')],
    at: { host: options.bind, port: options.grpcPort },
    ...guard('xds', options.maxXdsConnections),
    grpc,
  });
  const secure = grpcRunner({
    name: beside?.name ?? 'secure-xds',
    log,
    after: Promise.all([pilot.ready, after]),
    services: [pilot.discovery('identified'), ...(beside?.services ?? [])],
    at: { host: options.bind, port: options.secureGrpcPort },
    // Clients without a certificate show a token.
    tls: { source: certificate, clients: 'optional' },
    ...guard('secure-xds', options.maxXdsConnections),
    grpc,
  });
  return {
    runners: [plaintext.runner, secure.runner],
    ready: { xds: plaintext.listening, 'secure-xds': secure.listening },
  };
}
