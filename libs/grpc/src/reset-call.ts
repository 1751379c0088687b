/**
 * What of a call's innards leads to its HTTP/2 stream: @grpc/grpc-js has no way of its own to end a call whose peer
 * takes nothing.
 */
interface Layer {
  readonly call?: Layer;
  readonly nextCall?: Layer;
  readonly stream?: { close?(code: number): void };
}

/** HTTP/2's CANCEL (RFC 9113, 7). */
const cancel = 8;

/**
 * Resets a server's call: unlike a status, this does not wait for the peer to take what was written before, so that all
 * of the call's memory is freed. Returns whether the call had a stream to reset. It does no harm to a call that has
 * ended.
 */
export function resetCall(call: object): boolean {
  for (let layer: Layer | undefined = call; layer; layer = layer.call ?? layer.nextCall) {
    if (!layer.stream?.close) continue;
    layer.stream.close(cancel);
    return true;
  }
  return false;
}
