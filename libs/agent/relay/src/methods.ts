const identity = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({
  path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
});
/** The methods of aggregated discovery; messages stay bytes. */
export const discoveryMethods = {
  sotw: method('StreamAggregatedResources'),
  delta: method('DeltaAggregatedResources'),
} as const;
