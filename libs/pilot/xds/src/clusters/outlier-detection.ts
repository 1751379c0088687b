import type { OutlierDetection } from '@flotilla/model';
import { duration, u32, type envoy } from '@flotilla/proto-gen/envoy';

const enforcing = (threshold: number): ReturnType<typeof u32> => u32(threshold > 0 ? 100 : 0);

/** Envoy's outlier detection for a rule's; success rates never count (Istio's applyOutlierDetection). */
export function buildOutlierDetection(outlier: OutlierDetection): envoy.config.cluster.v3.IOutlierDetection {
  const {
    consecutive5xxErrors,
    consecutiveGatewayErrors,
    interval,
    baseEjectionTime,
    maxEjectionPercent,
    consecutiveLocalOriginFailures: local,
  } = outlier;
  return {
    enforcingSuccessRate: u32(0),
    ...(consecutive5xxErrors !== undefined
      ? { consecutive_5xx: u32(consecutive5xxErrors), enforcingConsecutive_5xx: enforcing(consecutive5xxErrors) }
      : {}),
    ...(consecutiveGatewayErrors !== undefined
      ? {
          consecutiveGatewayFailure: u32(consecutiveGatewayErrors),
          enforcingConsecutiveGatewayFailure: enforcing(consecutiveGatewayErrors),
        }
      : {}),
    ...(interval !== undefined ? { interval: duration(interval) } : {}),
    ...(baseEjectionTime !== undefined ? { baseEjectionTime: duration(baseEjectionTime) } : {}),
    ...(maxEjectionPercent && maxEjectionPercent > 0 ? { maxEjectionPercent: u32(maxEjectionPercent) } : {}),
    ...(outlier.splitExternalLocalOriginErrors
      ? {
          splitExternalLocalOriginErrors: true,
          enforcingLocalOriginSuccessRate: u32(0),
          ...(local && local > 0
            ? { consecutiveLocalOriginFailure: u32(local), enforcingConsecutiveLocalOriginFailure: u32(100) }
            : {}),
        }
      : {}),
  };
}
