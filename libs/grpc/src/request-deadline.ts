import { ServerInterceptingCall, ServerListenerBuilder, status, type ServerInterceptor } from '@grpc/grpc-js';
import type { Deadlines } from '@flotilla/server';

export interface RequestDeadlineOptions {
  readonly deadlines: Deadlines;
  /** Milliseconds for the request of a call; for the first of a stream of requests. */
  readonly requestTimeout: number;
  onTimeout(): void;
}

/** Ends calls with DEADLINE_EXCEEDED whose request does not come in time, however slowly it trickles. */
export const requestDeadline =
  ({ deadlines, requestTimeout, onTimeout }: RequestDeadlineOptions): ServerInterceptor =>
  (method, call) => {
    const cancel = deadlines.after(requestTimeout, () => {
      onTimeout();
      guarded.sendStatus({
        code: status.DEADLINE_EXCEEDED,
        details: `the request was not complete within ${requestTimeout} ms`,
      });
    });
    const listener = new ServerListenerBuilder()
      .withOnReceiveMessage((message, next) => {
        if (method.requestStream) cancel();
        next(message);
      })
      .withOnReceiveHalfClose((next) => {
        cancel();
        next();
      })
      .withOnCancel(cancel)
      .build();
    const guarded = new ServerInterceptingCall(call, {
      start: (next) => next(listener),
      sendStatus: (ended, next) => {
        cancel();
        next(ended);
      },
    });
    return guarded;
  };
