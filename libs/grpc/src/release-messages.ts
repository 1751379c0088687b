import { StreamDecoder } from '@grpc/grpc-js/build/src/stream-decoder.js';

/**
 * The fields of a decoder that refer to received bytes (@grpc/grpc-js, stream-decoder.ts); `readState` 0: no message.
 */
interface DecoderFields {
  readonly readState: number;
  readCompressFlag: Buffer;
  readPartialMessage: Buffer[];
}
const noMessage = 0;
const nothing = Buffer.alloc(1);
let isDone = false;

/**
 * Makes every call of this process, of servers and clients alike, release the bytes of a message once it is complete.
 * Without this, @grpc/grpc-js keeps all parts of a call's last message until the next one begins, so every open stream
 * would hold up to the size of the largest message.
 */
export function releaseMessages(): void {
  if (isDone) return;
  isDone = true;
  const write = Reflect.get(StreamDecoder.prototype, 'write');
  StreamDecoder.prototype.write = function (this: StreamDecoder, data: Buffer) {
    const messages = write.call(this, data);
    const decoder = this as unknown as DecoderFields;
    if (decoder.readState === noMessage) [decoder.readPartialMessage, decoder.readCompressFlag] = [[], nothing];
    return messages;
  };
}
