import { batchToBytes, type EncodedBatch } from '@flotilla/bus-port';

/**
 * The changes that the log does not hold yet, in their order. It is bounded: what does not fit is dropped, and then
 * only a base has it.
 */
export interface Backlog {
  add(batch: EncodedBatch): void;
  /** The oldest change; undefined when there is none. */
  take(): Pending | undefined;
  /** Changes were dropped since the last `clear`. */
  readonly overflowed: boolean;
  readonly isEmpty: boolean;
  /** The number of the latest change. */
  readonly version: number;
  /** A base that is about to be written has all of it. */
  clear(): void;
}
export interface Pending {
  readonly version: number;
  readonly bytes: Uint8Array;
}

const limits = { entries: 256, bytes: 32 * 1024 * 1024 };

export function createBacklog(): Backlog {
  let pending: Pending[] = [];
  let bytes = 0;
  let version = 0;
  let overflowed = false;
  const clear = (): void => {
    [pending, bytes, overflowed] = [[], 0, false];
  };
  return {
    add(batch) {
      version += 1;
      if (overflowed) return;
      const change = { version, bytes: batchToBytes(batch) };
      pending.push(change);
      bytes += change.bytes.length;
      if (pending.length <= limits.entries && bytes <= limits.bytes) return;
      clear();
      overflowed = true;
    },
    take() {
      const change = pending.shift();
      bytes -= change?.bytes.length ?? 0;
      return change;
    },
    clear,
    get overflowed() {
      return overflowed;
    },
    get isEmpty() {
      return pending.length === 0 && !overflowed;
    },
    get version() {
      return version;
    },
  };
}
