import type { HTTPRoute } from '@flotilla/model';
import { duration, envoy } from '@flotilla/proto-gen/envoy';
import { grpcStatusOf } from '@flotilla/rules';
import { typedConfig } from '../finish/typed-config.ts';
import { fractionOf, wholePercent } from './percent.ts';

/**
 * A fault as the route's configuration of Envoy's fault filter (Istio's TranslateFault): a delay that isn't fixed is
 * ignored, and so is an abort without status.
 */
export function buildFault({
  delay,
  abort,
}: NonNullable<HTTPRoute['fault']>): NonNullable<envoy.config.route.v3.IRoute['typedPerFilterConfig']> {
  return {
    'envoy.filters.http.fault': typedConfig(envoy.extensions.filters.http.fault.v3.HTTPFault, {
      ...(delay?.fixedDelay !== undefined
        ? {
            delay: {
              percentage: delay.percentage ? fractionOf(delay.percentage) : wholePercent(delay.percent ?? 0),
              fixedDelay: duration(delay.fixedDelay),
            },
          }
        : {}),
      ...(abort?.httpStatus !== undefined || abort?.grpcStatus !== undefined
        ? {
            abort: {
              ...(abort.percentage ? { percentage: fractionOf(abort.percentage) } : {}),
              ...(abort.httpStatus !== undefined ? { httpStatus: abort.httpStatus } : {}),
              ...(abort.grpcStatus !== undefined ? { grpcStatus: grpcStatusOf(abort.grpcStatus) ?? 0 } : {}),
            },
          }
        : {}),
    }),
  };
}
