import { Client, status, type ServiceError } from '@grpc/grpc-js';
import { channelCredentials, serverNamed } from '@flotilla/grpc';
import type { IdentifyToken, TokenVerdict } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { controlPlaneHost, controlPlaneIdentity, type ControlPlane } from '@flotilla/rules';
import { flotilla } from '@flotilla/proto-gen/identity';
import { messageOf, systemClock, type Clock } from '@flotilla/std';
import type { ServiceCertificate } from './service-certificate.ts';
import { createWaiting } from './waiting.ts';

const { IdentifyRequest, IdentifyResponse } = flotilla.identity.v1;
type Request = Parameters<typeof IdentifyRequest.encode>[0];
type Response = InstanceType<typeof IdentifyResponse>;
const path = '/flotilla.identity.v1.Identity/Identify';
/** Shorter than `--request-timeout`, within which the client's own call has to begin. */
const deadlineMs = 2500;

export interface IdentityClientOptions {
  readonly address: string;
  readonly certificate: Pick<ServiceCertificate, 'current' | 'onChange'>;
  readonly controlPlane: ControlPlane;
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Has citadel check tokens over mTLS, on one connection, which is replaced when the certificate is renewed. While
 * citadel is unreachable, verdicts are `undecided`, and the log says what to do.
 */
export function createIdentityClient(options: IdentityClientOptions): IdentifyToken {
  const { address, certificate, controlPlane, clock = systemClock } = options;
  const waiting = createWaiting(options.log.scope('identity'), clock);
  let client: Client | undefined;
  certificate.onChange(() => {
    // close() lets running calls end first.
    client?.close();
    client = undefined;
  });

  const connect = (): Client =>
    new Client(address, channelCredentials(certificate, controlPlaneIdentity(controlPlane, 'citadel')), {
      ...serverNamed(controlPlaneHost('citadel', controlPlane.systemNamespace)),
      'grpc.use_local_subchannel_pool': 1,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 2000,
    });

  const ask = (request: Request): Promise<Response> =>
    new Promise((resolve, reject) => {
      client ??= connect();
      client.makeUnaryRequest(
        path,
        (message: Request) => Buffer.from(IdentifyRequest.encode(message).finish()),
        (bytes: Buffer) => IdentifyResponse.decode(bytes),
        request,
        { deadline: clock.now() + deadlineMs },
        (error, response) => (error ? reject(error) : resolve(response ?? new IdentifyResponse())),
      );
    });

  return async (token, sender) => {
    try {
      return verdictIn(await ask({ token, address: sender }));
    } catch (thrown) {
      const reason = `citadel gave no verdict on the token: ${messageOf(thrown)}`;
      if ((thrown as Partial<ServiceError>).code !== status.RESOURCE_EXHAUSTED)
        waiting(`waiting for citadel at ${address} to verify tokens; proxies without a certificate try again`, {
          remedy: `check that citadel runs, that ${address} reaches it, and that it reaches its API server or JWKS file`,
          reason: messageOf(thrown),
        });
      return { kind: 'undecided', reason };
    }
  };
}

/** An answer with neither an identity nor a reason is a refusal too. */
function verdictIn({ identity, refusal, reuseMs }: Response): TokenVerdict<string> {
  return identity !== '' && refusal === ''
    ? { kind: 'accepted', identity, reuseMs }
    : { kind: 'refused', reason: refusal || 'citadel does not accept the token', reuseMs };
}
