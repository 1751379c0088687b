export {
  type HostKey,
  type InstancesKey,
  type PortKey,
  type ServiceKey,
  hostKey,
  instancesKeyOf,
  kubernetesServiceKey,
  portKey,
  portKeyOf,
} from './keys.ts';
export type { Endpoint, Service, ServicePort, ServiceTarget } from './types.ts';
export { keepsSessions } from './persistent-session.ts';
export { portNumbered } from './protocol.ts';
export { type RegistryOptions, convertService } from './kubernetes-service.ts';
export {
  type ContainerPort,
  type EndpointSources,
  type PortlessEndpoint,
  type SliceEndpoints,
  describe,
  externalNameEndpoints,
  sliceEndpoints,
  targetPortAmong,
  targetPortOn,
} from './kubernetes-endpoints.ts';
export { convertServiceEntry, serviceEntryEndpoints } from './service-entry.ts';
export { augmentLabels, localityOf, localityParts, podIPs } from './workload.ts';
export {
  type WorkloadInstance,
  entryInstance,
  instancePort,
  instanceTargetPort,
  podInstance,
} from './workload-instance.ts';
