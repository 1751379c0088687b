import type { envoy } from '@flotilla/proto-gen/envoy';

/** A load assignment (Istio's EndpointBuilder). */
export const assignmentMessage = (
  name: string,
  endpoints: readonly envoy.config.endpoint.v3.ILocalityLbEndpoints[],
): envoy.config.endpoint.v3.IClusterLoadAssignment => ({
  clusterName: name,
  ...(endpoints.length > 0 ? { endpoints: [...endpoints] } : {}),
});
