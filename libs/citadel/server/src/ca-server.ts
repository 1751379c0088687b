import { X509Certificate } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type { Authority } from '@flotilla/citadel-authority';
import { authenticate, serviceNames } from '@flotilla/citadel-identity';
import type { AuthenticateOptions, Credentials } from '@flotilla/citadel-identity';
import type { GrpcService } from '@flotilla/grpc';
import type { Observability } from '@flotilla/observability-port';
import { parseCsr, spiffeOf } from '@flotilla/pki';
import { istio } from '@flotilla/proto-gen/ca';
import { messageOf } from '@flotilla/std';
import { createCaMetrics } from './metrics.ts';
import type { CaMetrics } from './metrics.ts';

const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
type Request = istio.v1.auth.IstioCertificateRequest;
interface Response { readonly certChain: readonly string[] }

const certificateService = {
  CreateCertificate: {
    path: '/istio.v1.auth.IstioCertificateService/CreateCertificate', requestStream: false, responseStream: false,
    requestSerialize: (request: Request) => Buffer.from(IstioCertificateRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer): Request => IstioCertificateRequest.decode(bytes),
    responseSerialize: (response: Response) => Buffer.from(IstioCertificateResponse.encode({ certChain: [...response.certChain] }).finish()),
    responseDeserialize: (bytes: Buffer): Response => IstioCertificateResponse.decode(bytes),
  },
} satisfies ServiceDefinition;

export interface CaServerOptions {
  readonly authority: Authority;
  readonly authentication: AuthenticateOptions;
  readonly observability: Observability;
}

class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** Istio's certificate service. It belongs on a port with TLS that asks for a client certificate and does not require one: the first request has only a token. */
export function createCaService(options: CaServerOptions): GrpcService {
  const metrics = createCaMetrics(options.observability.metrics);
  const log = options.observability.log.scope('serverca');
  const create = (call: ServerUnaryCall<Request, Response>, answer: sendUnaryData<Response>): void => {
    createCertificate(call, { ...options, metrics }).then(
      (response) => answer(null, response),
      (thrown: unknown) => {
        const refused = thrown instanceof Refusal;
        log.warn('certificate refused', { peer: call.getPeer(), reason: messageOf(thrown) });
        answer({ code: refused ? thrown.code : status.INTERNAL, details: refused ? thrown.message : 'the certificate could not be made' });
      },
    );
  };
  return { addTo: (server) => void server.addService(certificateService, { CreateCertificate: create }) };
}

/** The decision: (1) who asks, (2) what key, (3) for how long. */
async function createCertificate(call: ServerUnaryCall<Request, Response>, options: CaServerOptions & { metrics: CaMetrics }): Promise<Response> {
  const { authority, metrics } = options;
  const { request } = call;
  metrics.csr.add();
  const caller = await authenticate(credentialsOf(call), options.authentication);
  if (!caller.ok) {
    metrics.authenticationFailure.add();
    throw new Refusal(status.UNAUTHENTICATED, `request authenticate failure: ${caller.error}`);
  }
  const { identity, proof } = caller.value;
  const csr = parseCsr(request.csr);
  if (!csr.ok) {
    metrics.parsingError.add();
    throw new Refusal(status.INVALID_ARGUMENT, `the certificate request is refused: ${csr.error}`);
  }
  const dns = proof === 'bootstrap token' ? serviceNames(identity) : [];
  const issued = authority.sign({ publicKey: csr.value.publicKey, identity, ttlMs: Number(request.validityDuration) * 1000, dns });
  if (!issued.ok) {
    metrics.signError.add(1, { error: 'TTL_ERROR' });
    throw new Refusal(status.INVALID_ARGUMENT, `the certificate request is refused: ${issued.error}`);
  }
  metrics.issued.add();
  options.observability.log.scope('serverca').info('certificate issued', { identity: spiffeOf(identity), notAfter: new Date(issued.value.notAfter).toISOString() });
  return { certChain: issued.value.chain };
}

function credentialsOf(call: ServerUnaryCall<Request, Response>): Credentials {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  const [header] = call.metadata.get('authorization');
  const [, bearer] = /^Bearer (.+)$/i.exec(String(header ?? '')) ?? [];
  return { ...(raw ? { certificate: new X509Certificate(raw) } : {}), ...(bearer === undefined ? {} : { bearer }) };
}
