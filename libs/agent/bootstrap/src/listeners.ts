type Json = Record<string, unknown>;

export interface PathListener {
  readonly address: string;
  readonly port: number;
  readonly statPrefix: string;
  readonly path: string;
  readonly cluster: string;
}

/** A static listener that forwards one path to one cluster. */
export const pathListener = ({ address, port, statPrefix, path, cluster }: PathListener): Json => ({
  address: { socket_address: { protocol: 'TCP', address, port_value: port } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            codec_type: 'AUTO',
            stat_prefix: statPrefix,
            route_config: {
              virtual_hosts: [
                { name: 'backend', domains: ['*'], routes: [{ match: { prefix: path }, route: { cluster } }] },
              ],
            },
            http_filters: [
              {
                name: 'envoy.filters.http.router',
                typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
              },
            ],
          },
        },
      ],
    },
  ],
});
