export { configDump } from './config-dump.ts';
export type { ConnectedProxy } from './connected-proxy.ts';
export { LastDeliveries, type Delivery } from './deliveries.ts';
export { syncStatus } from './sync-status.ts';
