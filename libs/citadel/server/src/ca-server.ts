import { X509Certificate } from 'node:crypto';
import { Server, status } from '@grpc/grpc-js';
import type { sendUnaryData, ServerUnaryCall, ServiceDefinition } from '@grpc/grpc-js';
import type { Authority } from '@flotilla/citadel-authority';
import { authenticate } from '@flotilla/citadel-identity';
import type { AuthenticateOptions, Credentials } from '@flotilla/citadel-identity';
import { bind, closeServer, serverCredentials } from '@flotilla/grpc';
import type { Observability } from '@flotilla/observability-port';
import { parseCsr, spiffeOf } from '@flotilla/pki';
import type { CertificateSource } from '@flotilla/pki';
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
  readonly certificate: CertificateSource;
  readonly observability: Observability;
}
export interface CaServer { listen(address: string): Promise<number>; close(): Promise<void> }

class Refusal extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** Istio's certificate service over TLS. A client certificate is asked for and not required, so that the first request needs only a token. */
export function createCaServer(options: CaServerOptions): CaServer {
  const metrics = createCaMetrics(options.observability.metrics);
  const log = options.observability.log.scope('serverca');
  const server = new Server({ 'grpc.max_receive_message_length': 256 * 1024, 'grpc.max_concurrent_streams': 100 });
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
  server.addService(certificateService, { CreateCertificate: create });
  return {
    listen: (address) => bind(server, address, serverCredentials(options.certificate, 'optional')),
    close: () => closeServer(server),
  };
}

/** The decision: (1) who asks, (2) what key, (3) for how long. */
async function createCertificate(call: ServerUnaryCall<Request, Response>, options: CaServerOptions & { metrics: CaMetrics }): Promise<Response> {
  const { authority, metrics } = options;
  const { request } = call;
  metrics.csr.add();
  const identity = await authenticate(credentialsOf(call), options.authentication);
  if (!identity.ok) {
    metrics.authenticationFailure.add();
    throw new Refusal(status.UNAUTHENTICATED, `request authenticate failure: ${identity.error}`);
  }
  const csr = parseCsr(request.csr);
  if (!csr.ok) {
    metrics.parsingError.add();
    throw new Refusal(status.INVALID_ARGUMENT, `the certificate request is refused: ${csr.error}`);
  }
  const issued = authority.sign({ publicKey: csr.value.publicKey, identity: identity.value, ttlMs: Number(request.validityDuration) * 1000 });
  if (!issued.ok) {
    metrics.signError.add(1, { error: 'TTL_ERROR' });
    throw new Refusal(status.INVALID_ARGUMENT, `the certificate request is refused: ${issued.error}`);
  }
  metrics.issued.add();
  options.observability.log.scope('serverca').info('certificate issued', { identity: spiffeOf(identity.value), notAfter: new Date(issued.value.notAfter).toISOString() });
  return { certChain: issued.value.chain };
}

function credentialsOf(call: ServerUnaryCall<Request, Response>): Credentials {
  const raw = call.getAuthContext().sslPeerCertificate?.raw;
  const [header] = call.metadata.get('authorization');
  const [, bearer] = /^Bearer (.+)$/i.exec(String(header ?? '')) ?? [];
  return { ...(raw ? { certificate: new X509Certificate(raw) } : {}), ...(bearer === undefined ? {} : { bearer }) };
}
