import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { expectIdentity, serverNamed } from '@flotilla/grpc';
import { parseCaAnswer } from '@flotilla/pki';
import { istio } from '@flotilla/proto-gen/ca';

const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const deadlineMs = 10_000;

export interface CaClientOptions {
  readonly address: string;
  readonly roots: string;
  /** The DNS name that is requested of it at `address`. */
  readonly host: string;
  /** The SPIFFE identity that the CA must prove. */
  readonly identity: string;
  /** Shown instead of a token, as when a certificate is renewed. */
  readonly certificate?: { readonly key: string; readonly cert: string };
}
export interface CertificateRequest {
  readonly csr: string;
  readonly token?: string;
  readonly ttlSeconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks the CA once for a certificate; resolves with the PEM chain: leaf first, and all roots in the last entry. Rejects
 * with gRPC's error.
 */
export async function requestCertificate(
  options: CaClientOptions,
  request: CertificateRequest,
): Promise<readonly string[]> {
  const { key, cert } = options.certificate ?? {};
  const tls = credentials.createSsl(
    Buffer.from(options.roots),
    key ? Buffer.from(key) : null,
    cert ? Buffer.from(cert) : null,
    { checkServerIdentity: expectIdentity(options.identity) },
  );
  const client = new Client(options.address, tls, serverNamed(options.host));
  const metadata = new Metadata();
  if (request.token !== undefined) metadata.set('authorization', `Bearer ${request.token}`);
  try {
    const chain = await new Promise<readonly string[]>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        path,
        (message: istio.v1.auth.IstioCertificateRequest.$Properties) =>
          Buffer.from(IstioCertificateRequest.encode(message).finish()),
        (bytes: Buffer) => IstioCertificateResponse.decode(bytes).certChain,
        { csr: request.csr, validityDuration: request.ttlSeconds ?? 0 },
        metadata,
        { deadline: Date.now() + deadlineMs },
        (error, value) => (error ? reject(error) : resolve(value ?? [])),
      );
      request.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
    const answer = parseCaAnswer(chain);
    if (!answer.ok) throw new Error(`the CA's answer is not a certificate chain: ${answer.error}`);
    return chain;
  } finally {
    client.close();
  }
}
