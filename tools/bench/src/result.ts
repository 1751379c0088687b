import type { MeshSize } from './bench-mesh.ts';

export type Variant = 'sotw' | 'delta';
export type Mode = 'monolith' | 'fleet';
/** What changes: a VirtualService, the endpoints of a ServiceEntry, or one more ServiceEntry. */
export type Kind = 'endpoint' | 'route' | 'service';
export const kinds: readonly Kind[] = ['endpoint', 'route', 'service'];
export const types = ['cds', 'eds', 'lds', 'rds'] as const;
export type XdsType = (typeof types)[number];

/** What the control plane's processes have used. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

export interface ConnectResult extends Usage {
  readonly seconds: number;
  readonly megabytes: number;
}
/**
 * Of all changes of a kind: from just before the file was replaced until a sidecar had what changed. CPU and bytes are
 * for one change.
 */
export interface ChangeResult extends Usage {
  readonly changes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Until the last sidecar had it, of the median change. */
  readonly lastP50Ms: number;
  readonly kilobytes: number;
  readonly responses: Readonly<Record<XdsType, number>>;
  /** Changes that a sidecar did not get, over all sidecars. */
  readonly missed: number;
}
export interface LoadResult {
  readonly connect: ConnectResult;
  readonly changes: Readonly<Record<Kind, ChangeResult>>;
  readonly brokenStreams: number;
}
export interface PushResult extends LoadResult {
  readonly mode: Mode;
  readonly variant: Variant;
  readonly sidecars: number;
}

/** What one process is told that plays the sidecars. */
export interface LoadOrder {
  readonly address: string;
  readonly variant: Variant;
  readonly sidecars: number;
  readonly changes: number;
  readonly mesh: MeshSize;
  readonly folder: string;
  /** Processes whose use is measured, with everything that they started. */
  readonly pids: readonly number[];
}

/** The value below which a share of the values lies; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}
