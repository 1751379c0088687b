import { X509Certificate } from 'node:crypto';
import { Metadata, status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type { Authority } from '@flotilla/citadel-authority';
import { authenticate } from '@flotilla/citadel-identity';
import type { AuthenticateOptions, Credentials } from '@flotilla/citadel-identity';
import { addressOf, bearerIn, type GrpcService } from '@flotilla/grpc';
import type { Observability } from '@flotilla/observability-port';
import { createRateLimits, type RateLimits, type RateLimitSettings } from './rate-limits.ts';
import { parseCsr } from '@flotilla/pki';
import { istio } from '@flotilla/proto-gen/ca';
import { messageOf } from '@flotilla/std';
import { spiffeOf } from '@flotilla/rules';
import { createCaMetrics } from './metrics.ts';
import type { CaMetrics } from './metrics.ts';

const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
type Request = istio.v1.auth.IstioCertificateRequest;
interface Response {
  readonly certChain: readonly string[];
}

const certificateService = {
  CreateCertificate: {
    path: '/istio.v1.auth.IstioCertificateService/CreateCertificate',
    requestStream: false,
    responseStream: false,
    requestSerialize: (request: Request) => Buffer.from(IstioCertificateRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer): Request => IstioCertificateRequest.decode(bytes),
    responseSerialize: (response: Response) =>
      Buffer.from(IstioCertificateResponse.encode({ certChain: [...response.certChain] }).finish()),
    responseDeserialize: (bytes: Buffer): Response => IstioCertificateResponse.decode(bytes),
  },
} satisfies ServiceDefinition;

export interface CaServerOptions {
  readonly authority: Authority;
  readonly authentication: AuthenticateOptions;
  readonly observability: Observability;
  readonly rates: RateLimitSettings;
}

class Refusal extends Error {
  readonly code: status;
  /** When the same request may succeed; undefined where time changes nothing, or it isn't known. */
  readonly retryMs: number | undefined;
  constructor(code: status, message: string, retryMs?: number) {
    super(message);
    this.code = code;
    this.retryMs = retryMs;
  }
}
/** How a server lets gRPC clients know when to try again (gRPC A6, "Client Retries", pushback). */
const pushback = 'grpc-retry-pushback-ms';
const tooMany = (waitMs: number, whose: string): Refusal =>
  new Refusal(
    status.RESOURCE_EXHAUSTED,
    `too many requests for certificates ${whose}: try again in ${waitMs} ms`,
    waitMs,
  );

/**
 * Istio's certificate service. It belongs on a port with TLS that requests a client certificate and does not require
 * one: the first request has only a token.
 */
export function createCaService(options: CaServerOptions): GrpcService {
  const metrics = createCaMetrics(options.observability.metrics);
  const rates = createRateLimits({
    ...options.rates,
    clock: options.authentication.clock,
    metrics: options.observability.metrics,
  });
  const log = options.observability.log.scope('serverca');
  const create = (call: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>): void => {
    createCertificate(call, { ...options, metrics, rates }).then(
      (response) => answer(null, response),
      (thrown: unknown) => {
        const refused = thrown instanceof Refusal;
        log.warn('certificate refused', { peer: call.getPeer(), reason: messageOf(thrown) });
        const metadata = new Metadata();
        if (refused && thrown.retryMs !== undefined) metadata.set(pushback, String(thrown.retryMs));
        answer({
          code: refused ? thrown.code : status.INTERNAL,
          details: refused ? thrown.message : 'the certificate could not be made',
          metadata,
        });
      },
    );
  };
  return { addTo: (server) => void server.addService(certificateService, { CreateCertificate: create }) };
}

type Context = Omit<CaServerOptions, 'rates'> & { readonly metrics: CaMetrics; readonly rates: RateLimits };

/** The decision: (1) identity of the caller, (2) rate, (3) kind of key, (4) lifetime. */
async function createCertificate(call: ServerUnaryCall<Request, Response>, options: Context): Promise<Response> {
  const { authority, metrics, rates } = options;
  const { request } = call;
  metrics.csr.add();
  const caller = await authenticate(credentialsOf(call), options.authentication);
  if (!caller.ok) {
    metrics.authenticationFailure.add();
    const wait = rates.failed(addressOf(call));
    if (wait > 0) throw tooMany(wait, 'that prove no identity, from one address');
    throw new Refusal(status.UNAUTHENTICATED, `request authenticate failure: ${caller.error}`);
  }
  const { identity, dns } = caller.value;
  const wait = rates.take(spiffeOf(identity));
  if (wait > 0) throw tooMany(wait, `of ${spiffeOf(identity)} or of all`);
  const csr = parseCsr(request.csr);
  if (!csr.ok) {
    metrics.parsingError.add();
    throw new Refusal(status.INVALID_ARGUMENT, `the certificate request is refused: ${csr.error}`);
  }
  const issued = authority.sign({
    publicKey: csr.value.publicKey,
    identity,
    ttlMs: Number(request.validityDuration) * 1000,
    dns,
  });
  if (!issued.ok) {
    const { kind, message } = issued.error;
    metrics.signError.add(1, { error: kind === 'lifetime' ? 'TTL_ERROR' : 'CERT_SIGN_ERROR' });
    throw new Refusal(
      kind === 'lifetime' ? status.INVALID_ARGUMENT : status.UNAVAILABLE,
      `the certificate request is refused: ${message}`,
    );
  }
  metrics.issued.add();
  options.observability.log.scope('serverca').info('certificate issued', {
    identity: spiffeOf(identity),
    notAfter: new Date(issued.value.notAfter).toISOString(),
  });
  return { certChain: issued.value.chain };
}

function credentialsOf(call: ServerUnaryCall<Request, Response>): Credentials {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  const bearer = bearerIn(call.metadata);
  return {
    address: addressOf(call),
    ...(raw ? { certificate: new X509Certificate(raw) } : {}),
    ...(bearer === undefined ? {} : { bearer }),
  };
}
