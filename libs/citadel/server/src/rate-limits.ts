import { createLimits, type Metrics } from '@flotilla/observability-port';
import { createTokenBuckets, type Clock } from '@flotilla/std';

export interface RateLimitSettings {
  /** Certificates per second, for one identity and for all. Ten seconds' worth may be asked for at once. */
  readonly perIdentity: number;
  readonly overall: number;
  /** Failed authentications per second from one address. */
  readonly failuresPerAddress: number;
}
/** Each answers with 0, or the milliseconds until it would. */
export interface RateLimits {
  /** Takes note of a request from this address that proved no identity. One that proves its own is never held up by others from its address. */
  failed(address: string): number;
  /** Takes a certificate's worth for a proven identity. */
  take(identity: string): number;
}

const burstSeconds = 10;

export function createRateLimits({ perIdentity, overall, failuresPerAddress, clock, metrics }: RateLimitSettings & { readonly clock: Clock; readonly metrics: Metrics }): RateLimits {
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
      // One identity that asks too often takes nothing from the others.
      const own = identities.take(identity);
      if (own > 0) {
        limitHit('certificates_of_identity');
        return own;
      }
      const wait = all.take('');
      if (wait > 0) limitHit('certificates');
      return wait;
    },
  };
}
