// In pilot's generators everything stays a message until libs/pilot/xds/src/finish has patched it.
import { encode, envoy } from '@flotilla/proto-gen/envoy'; // refused: no-restricted-imports

const { Cluster } = envoy.config.cluster.v3;
export const early = [
  encode(Cluster, { name: 'web' }),
  Cluster.encode({ name: 'web' }).finish(), // refused: no-restricted-syntax
];
