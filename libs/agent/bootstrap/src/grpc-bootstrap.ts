import type { Node } from './metadata.ts';

/** The bootstrap of proxyless gRPC applications: they find the agent's relay by it. */
export const buildGrpcBootstrap = (node: Node, xdsSocket: string): Record<string, unknown> => ({
  xds_servers: [
    {
      server_uri: `unix:///${xdsSocket.replace(/^\.?\//, '')}`,
      channel_creds: [{ type: 'insecure' }],
      server_features: ['xds_v3'],
    },
  ],
  node: {
    id: node.id,
    metadata: { ...node.typed, GENERATOR: 'grpc' },
    locality: node.locality,
    UserAgentVersionType: null,
  },
  server_listener_resource_name_template: 'xds.istio.io/grpc/lds/inbound/%s',
});
