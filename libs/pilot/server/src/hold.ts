import type { Readable } from 'node:stream';

/** Holds a stream back, and lets it go on. */
export interface Hold {
  hold(): void;
  release(): void;
}

/**
 * Makes a stream that can be held back before the next read. A paused Readable reads ahead 16 objects more, however
 * large each is; this one reads none, so that what it has not read stays with the peer.
 */
export function holdable(stream: Pick<Readable, '_read'>): Hold {
  const read = stream._read.bind(stream);
  let isHeld = false;
  let wanted: number | undefined;
  stream._read = (size) => {
    if (isHeld) wanted = size;
    else read(size);
  };
  return {
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      const size = wanted;
      wanted = undefined;
      if (size !== undefined) read(size);
    },
  };
}
