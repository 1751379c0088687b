import type { TrafficPolicy } from '@flotilla/model';

/**
 * The policy that holds for one port: what is not said comes from `base`, but a port's own settings inherit nothing
 * (Istio's MergeTrafficPolicy).
 */
export function mergeTrafficPolicy(
  base: TrafficPolicy | undefined,
  over: TrafficPolicy | undefined,
  port: number,
): TrafficPolicy | undefined {
  if (!over) return base;
  const atPort = over.portLevelSettings?.find((settings) => settings.port?.number === port);
  const { connectionPool, outlierDetection, loadBalancer, tls } = atPort ?? {
    connectionPool: over.connectionPool ?? base?.connectionPool,
    outlierDetection: over.outlierDetection ?? base?.outlierDetection,
    loadBalancer: over.loadBalancer ?? base?.loadBalancer,
    tls: over.tls ?? base?.tls,
  };
  return {
    connectionPool,
    outlierDetection,
    loadBalancer,
    tls,
    tunnel: over.tunnel ?? base?.tunnel,
  };
}
