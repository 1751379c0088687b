import type { Socket } from 'node:net';

/** A message with its length before it, as DNS over TCP has it (RFC 1035, 4.2.2). */
export function withLength(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}

/** Calls back with each whole message; at most one message (64 KiB) is held back. */
export function readMessages(socket: Socket, onMessage: (message: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2) {
      const end = 2 + held.readUInt16BE(0);
      if (held.length < end) return;
      onMessage(held.subarray(2, end));
      held = held.subarray(end);
    }
  });
}
