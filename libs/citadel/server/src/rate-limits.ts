import { createLimits, type Metrics } from '@flotilla/observability-port';
import { createTokenBuckets, type Clock } from '@flotilla/std';

export interface RateLimitSettings {
  /** Certificates per second, for one identity and for all. Ten times as many may be requested at once. */
  readonly perIdentity: number;
  readonly overall: number;
  /** Failed authentications per second from one address. */
  readonly failuresPerAddress: number;
}
/** Each returns 0 if the request is within the limit, otherwise the milliseconds to wait. */
export interface RateLimits {
  /**
   * Counts a request from this address that failed to authenticate. A request that authenticates is never delayed by
   * others from its address.
   */
  failed(address: string): number;
  /** Counts one certificate for a proven identity. */
  take(identity: string): number;
}

const burstSeconds = 10;

export function createRateLimits({
  perIdentity,
  overall,
  failuresPerAddress,
  clock,
  metrics,
}: RateLimitSettings & { readonly clock: Clock; readonly metrics: Metrics }): RateLimits {
  const limitHit = createLimits(metrics, ['certificates_of_identity', 'certificates', 'failed_authentications']);
  const buckets = (perSecond: number) => createTokenBuckets({ perSecond, burst: perSecond * burstSeconds, clock });
  const [identities, all, failures] = [buckets(perIdentity), buckets(overall), buckets(failuresPerAddress)];
  return {
    failed(address) {
      const wait = failures.take(address);
      if (wait > 0) limitHit('failed_authentications');
      return wait;
    },
    take(identity) {
      // An identity over its limit does not use up the overall limit.
      const identityWait = identities.take(identity);
      if (identityWait > 0) {
        limitHit('certificates_of_identity');
        return identityWait;
      }
      const wait = all.take('');
      if (wait > 0) limitHit('certificates');
      return wait;
    },
  };
}
