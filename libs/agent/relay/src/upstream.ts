import { Client, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { KeyAndCertificate } from '@flotilla/pki';
import { discoveryMethods } from './methods.ts';
import type { Variant } from './name-table.ts';

export type UpstreamStream = ClientDuplexStream<Buffer, Buffer>;
/** Opens a stream to pilot; `close` ends the stream and its connection. Rejects when its credentials can't be had. */
export type OpenUpstream = (variant: Variant) => Promise<{ readonly stream: UpstreamStream; close(): void }>;

export interface UpstreamOptions {
  /** host:port of pilot or istiod. */
  readonly address: string;
  /** The workload's certificate, presented to pilot; undefined for plain text. */
  readonly certificate?: () => Promise<KeyAndCertificate>;
  /** PEM of whom to trust, read at each connection; undefined for the system's roots. */
  roots(): Promise<string | undefined>;
}

const identity = (bytes: Buffer): Buffer => bytes;

/**
 * Streams over mTLS, each on a connection of its own, so that the next one has the certificate and address of its time.
 */
export const createUpstream =
  ({ address, certificate, roots }: UpstreamOptions): OpenUpstream =>
  async (variant) => {
    const channel = certificate ? await mutualTls(certificate, roots) : credentials.createInsecure();
    const client = new Client(address, channel, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
    });
    const stream = client.makeBidiStreamRequest(discoveryMethods[variant].path, identity, identity);
    return {
      stream,
      close() {
        stream.cancel();
        client.close();
      },
    };
  };

async function mutualTls(certificate: () => Promise<KeyAndCertificate>, roots: () => Promise<string | undefined>) {
  const [{ key, cert }, trusted] = await Promise.all([certificate(), roots()]);
  return credentials.createSsl(
    trusted === undefined ? null : Buffer.from(trusted),
    Buffer.from(key),
    Buffer.from(cert),
  );
}
