import { status, type Client, type ServiceError } from '@grpc/grpc-js';
import { reportMethod } from './definition.ts';

/** Sends one message of the way back; resolves with galley's answer. */
export function sendReport(client: Client, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const { path, requestSerialize, responseDeserialize } = reportMethod;
  const answered = (error: ServiceError | null, answer?: Uint8Array): void => {
    signal.removeEventListener('abort', abort);
    if (answer) resolve(answer);
    else reject(error?.code === status.CANCELLED && signal.aborted ? (signal.reason as Error) : (error as Error));
  };
  const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, answered);
  const abort = (): void => call.cancel();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return promise;
}
