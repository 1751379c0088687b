import type { MethodDefinition } from '@grpc/grpc-js';
import { flotilla } from '@flotilla/proto-gen/bus';
import type { Collection } from '@flotilla/model';

const { SubscribeRequest } = flotilla.bus.v1;

/** A whole state travels as one message: batches are seen whole. */
export const maxMessageBytes = 256 * 1024 * 1024;

/** flotilla.bus.v1.Bus/Subscribe: names of collections there, batches as bytes back. */
export const subscribeMethod: MethodDefinition<readonly Collection[], Uint8Array> = {
  path: '/flotilla.bus.v1.Bus/Subscribe',
  requestStream: false,
  responseStream: true,
  requestSerialize: (collections) => Buffer.from(SubscribeRequest.encode({ collections: [...collections] }).finish()),
  requestDeserialize: (bytes) => (SubscribeRequest.decode(bytes).collections ?? []) as Collection[],
  responseSerialize: (bytes) => asBuffer(bytes),
  responseDeserialize: (bytes) => bytes,
};

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
/** flotilla.bus.v1.Bus/Report, with the bytes of its messages. */
export const reportMethod: MethodDefinition<Uint8Array, Uint8Array> = {
  path: '/flotilla.bus.v1.Bus/Report',
  requestStream: false,
  responseStream: false,
  requestSerialize: asBuffer,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: asBuffer,
  responseDeserialize: (bytes) => bytes,
};
