export type { RunningApi } from './api.ts';
export { build, type Extent } from './build.ts';
export { startApiServer, startCluster, stopCluster, type RunningCluster } from './cluster.ts';
