import type { Resource } from '@flotilla/ads';
import type { XdsKind } from '@flotilla/pilot-xds';
import type { Delivery } from './deliveries.ts';

/** A connected proxy, as the debug interface sees it. */
export interface ConnectedProxy {
  /** `sleep-6b8f.shop`: how istioctl names it. */
  readonly id: string;
  readonly clusterId: string;
  /** `sidecar` or `router`. */
  readonly type: string;
  /** The version that it says it is of. */
  readonly istioVersion?: string;
  last(kind: XdsKind): Delivery;
  /** The resources of a type that it has requested, as they are now; none of a type that it has not. */
  resources(kind: XdsKind): readonly Resource[];
}
