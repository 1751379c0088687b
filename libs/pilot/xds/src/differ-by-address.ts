import type { ServiceRef } from '@flotilla/pilot-world';

/** Whether two services in a scope are of one ServiceEntry and host: they differ in nothing but their address. */
export const differByAddress = (a: ServiceRef, b: ServiceRef): boolean =>
  a.hostname === b.hostname &&
  a.key.object === b.key.object &&
  a.key.registry === b.key.registry &&
  a.ports === b.ports &&
  a.also === b.also;
