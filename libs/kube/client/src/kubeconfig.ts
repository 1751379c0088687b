/** Everything that is used of the client library: bundlers leave out the rest. */
export { KubeConfig } from '@kubernetes/client-node';
