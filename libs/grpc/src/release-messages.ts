import { StreamDecoder } from '@grpc/grpc-js/build/src/stream-decoder.js';

/** What of a decoder holds bytes that it was given (@grpc/grpc-js, stream-decoder.ts); `readState` 0: no message. */
interface Innards {
  readonly readState: number;
  readCompressFlag: Buffer;
  readPartialMessage: Buffer[];
}
const noMessage = 0;
const nothing = Buffer.alloc(1);
let isDone = false;

/**
 * Makes calls of this process, of servers and clients alike, let go of a message once it is complete. As @grpc/grpc-js
 * is, each call keeps all parts of its last message until the next one begins, which for a stream may be never: every
 * open stream would keep what its peer sent last, up to the largest message.
 */
export function releaseMessages(): void {
  if (isDone) return;
  isDone = true;
  const write = Reflect.get(StreamDecoder.prototype, 'write');
  StreamDecoder.prototype.write = function (this: StreamDecoder, data: Buffer) {
    const messages = write.call(this, data);
    const decoder = this as unknown as Innards;
    if (decoder.readState === noMessage) [decoder.readPartialMessage, decoder.readCompressFlag] = [[], nothing];
    return messages;
  };
}
