import type { Credential, CredentialUpdate } from '@flotilla/model';

/** One message: `complete` ends the state that a stream begins with. */
export interface WireUpdate extends CredentialUpdate { readonly complete: boolean }

/** A message is closed once it has so many bytes: none is larger than this and a Secret. */
const maxBytes = 1024 * 1024;
const sizeOf = (credential: Credential): number => Object.values(credential).reduce<number>((sum, part: Uint8Array | undefined) => sum + (part?.length ?? 0), 0);

/**
 * What one watcher has not been sent yet: the latest of each credential, so that a slow one costs no more than their names. `write` returns false when the watcher
 * has to catch up first; `onDrain` tells that it has.
 */
export function createPending(write: (update: WireUpdate) => boolean) {
  const changed = new Map<string, Credential | undefined>();
  let isBegun = false;
  let isComplete = false;
  let isFull = false;

  function take(): WireUpdate {
    const put = new Map<string, Credential>();
    const gone: string[] = [];
    let size = 0;
    for (const [key, credential] of changed) {
      if (size >= maxBytes) break;
      if (credential) put.set(key, credential);
      else gone.push(key);
      size += key.length + (credential ? sizeOf(credential) : 0);
      changed.delete(key);
    }
    const complete = !isComplete && changed.size === 0;
    isComplete ||= complete;
    return { complete, put, delete: gone };
  }
  const flush = (): void => {
    while (isBegun && !isFull && (changed.size > 0 || !isComplete)) isFull = !write(take());
  };
  return {
    /** The first that it is sent: all there is. */
    begin(held: ReadonlyMap<string, Credential>): void {
      for (const [key, credential] of held) changed.set(key, credential);
      isBegun = true;
      flush();
    },
    add({ put, delete: gone }: CredentialUpdate): void {
      for (const [key, credential] of put) changed.set(key, credential);
      for (const key of gone) changed.set(key, undefined);
      flush();
    },
    onDrain(): void {
      isFull = false;
      flush();
    },
  };
}
