import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { serverNamed } from '@flotilla/grpc';
import { envoy } from '@flotilla/proto-gen/discovery';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;

export interface XdsClientOptions {
  /** `host:port` that serves xDS over TLS. */
  readonly address: string;
  /** The DNS name that its certificate must have. */
  readonly serverName: string;
  readonly root: Buffer;
  readonly token: string;
  /** The namespace that the node says it is in. */
  readonly nodeNamespace: string;
}

/**
 * Connects as Istio's agent does: TLS with the root, the token, no certificate. Resolves with names of clusters, and
 * rejects with the ServiceError of a refusal.
 */
export async function clustersFor(options: XdsClientOptions): Promise<readonly string[]> {
  const { address, serverName, root, token, nodeNamespace } = options;
  const client = new Client(address, credentials.createSsl(root), serverNamed(serverName));
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const stream = client.makeBidiStreamRequest(
    '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    (request: Parameters<typeof DeltaDiscoveryRequest.encode>[0]) =>
      Buffer.from(DeltaDiscoveryRequest.encode(request).finish()),
    (bytes: Buffer) => DeltaDiscoveryResponse.decode(bytes),
    metadata,
  );
  try {
    return await new Promise<readonly string[]>((resolve, reject) => {
      stream
        .on('error', reject)
        .on('data', ({ resources: found }: InstanceType<typeof DeltaDiscoveryResponse>) =>
          resolve(found.map(({ name }) => name ?? '')),
        );
      stream.write({
        node: { id: `sidecar~10.0.0.1~web.${nodeNamespace}~${nodeNamespace}.svc.cluster.local` },
        typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      });
    });
  } finally {
    stream.cancel();
    client.close();
  }
}

/** The token with another signature of the same length. */
export function tampered(token: string): string {
  const [header, body, signature = ''] = token.split('.');
  return [header, body, Buffer.from(signature, 'base64url').reverse().toString('base64url')].join('.');
}
