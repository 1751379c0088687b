import { Client, credentials, status, type handleUnaryCall, type ServiceError } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { listen } from './listen.ts';

const bytes = (value: Buffer): Buffer => value;
const method = {
  path: '/test/Refuse',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const refuse: handleUnaryCall<Buffer, Buffer> = (call, answer) =>
  answer({ code: status.INVALID_ARGUMENT, details: `unknown name ${call.request.toString()}` });

it.each([
  ['a\nb\u001b[31m\u202e', 'unknown name a\\nb\\u001b[31m\\u202e'],
  ['n'.repeat(100_000), `unknown name ${'n'.repeat(487)}… (99513 more)`],
  ['plain', 'unknown name plain'],
])('what a status quotes of the client is printable and bounded', async (name, details) => {
  const { port, close } = await listen(
    [{ addTo: (server) => server.addService({ Refuse: method }, { Refuse: refuse }) }],
    { at: { host: '127.0.0.1', port: 0 } },
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    const error = await new Promise<ServiceError | null>(
      (resolve) =>
        void client.makeUnaryRequest(method.path, bytes, bytes, Buffer.from(name), (failed) => resolve(failed)),
    );
    expect([error?.code, error?.details]).toEqual([status.INVALID_ARGUMENT, details]);
  } finally {
    client.close();
    await close();
  }
});
