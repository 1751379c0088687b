export { addressFamily } from './addresses.ts';
export { buildBootstrap } from './bootstrap.ts';
export { buildEnvoyArgs } from './envoy-args.ts';
export { buildGrpcBootstrap } from './grpc-bootstrap.ts';
export { type Environment, buildNode, proxyConfigJson } from './metadata.ts';
export { type Proxy, type ProxyInput, buildProxy, defaultSdsSocket } from './proxy.ts';
export { resolveProxyConfig } from './proxy-config.ts';
export { fillTemplate } from './template.ts';
