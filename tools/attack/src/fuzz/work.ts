/** What the thread works on now, where the other one sees it even if this one never comes back. */
export interface Shared {
  readonly state: Int32Array;
  readonly input: Uint8Array;
}
/**
 * `module` is the URL of a module whose `targets` hold the target of this name. The time that it takes to load is not
 * part of `durationMs`.
 */
export type Work = { readonly module: string; readonly target: string; readonly shared: Shared } & (
  | { readonly seed: number; readonly count: number; readonly durationMs: number }
  | { readonly inputs: readonly Uint8Array[] }
);
export interface Fault {
  readonly input: Uint8Array;
  readonly reason: string;
}
export interface Done {
  readonly tried: number;
  readonly fault?: Fault;
}

/** Places in `state`: how many inputs have been begun, and how long the one in work is. */
export const place = { tried: 0, length: 1 } as const;
