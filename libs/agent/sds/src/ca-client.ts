import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { istio } from '@flotilla/proto-gen/ca';

/** Who signs certificates. */
export interface CaClient {
  /**
   * Sends a PEM request; resolves with the chain, leaf first, root last. Rejects when the CA refuses or can't be
   * reached.
   */
  createCertificate(csr: string, validitySeconds: number): Promise<readonly string[]>;
}

export interface CaClientOptions {
  /** host:port of citadel or istiod. */
  readonly address: string;
  /** PEM of whom to trust, read at each use; undefined for the system's roots. */
  roots(): Promise<string | undefined>;
  /** The workload's JWT, read at each use since kubelet rotates it. */
  token(): Promise<string>;
  readonly clusterId: string;
  /** No TLS: for an address that is protected otherwise. */
  readonly plaintext?: boolean;
  readonly timeoutMs?: number;
}

const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
const { IstioCertificateRequest, IstioCertificateResponse } = istio.v1.auth;
const serialize = (request: istio.v1.auth.IIstioCertificateRequest): Buffer =>
  Buffer.from(IstioCertificateRequest.encode(request).finish());
const maxChainBytes = 256 * 1024;

/** Istio's certificate service over gRPC, with the workload's JWT as credential. */
export function createCaClient(options: CaClientOptions): CaClient {
  return {
    async createCertificate(csr, validitySeconds) {
      const [roots, token] = await Promise.all([options.plaintext ? undefined : options.roots(), options.token()]);
      const channel = options.plaintext
        ? credentials.createInsecure()
        : credentials.createSsl(roots === undefined ? null : Buffer.from(roots));
      const client = new Client(options.address, channel, {
        'grpc.max_receive_message_length': maxChainBytes,
        'grpc.use_local_subchannel_pool': 1,
      });
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${token.trim()}`);
      metadata.set('clusterid', options.clusterId);
      try {
        return await new Promise<readonly string[]>((resolve, reject) => {
          const deadline = Date.now() + (options.timeoutMs ?? 10_000);
          client.makeUnaryRequest(
            path,
            serialize,
            (bytes: Buffer) => IstioCertificateResponse.decode(bytes),
            { csr, validityDuration: validitySeconds },
            metadata,
            { deadline },
            (error, response) => (error ? reject(error) : resolve(response?.certChain ?? [])),
          );
        });
      } finally {
        client.close();
      }
    },
  };
}
