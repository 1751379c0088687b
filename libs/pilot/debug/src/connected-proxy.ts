import type { Resource } from '@flotilla/ads';
import type { XdsKind } from '@flotilla/pilot-xds';
import type { Delivery } from './deliveries.ts';

/** A connected proxy, as the debug interface sees it. */
export interface ConnectedProxy {
  /** Its name for istioctl: `sleep-6b8f.shop`. */
  readonly id: string;
  readonly clusterId: string;
  /** `sidecar` or `router`. */
  readonly type: string;
  /** The Istio version that its node claims. */
  readonly istioVersion?: string;
  last(kind: XdsKind): Delivery;
  /** The current resources of a type; none if the proxy has not requested that type. */
  resources(kind: XdsKind): readonly Resource[];
}
