import { ResponderBuilder, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { maxMessage, printable } from '@flotilla/std';

/**
 * Makes the details of every status that a server sends printable: they quote what the client sent, travel in a header,
 * and end in the client's log. On every server, so that no handler can forget.
 */
export const printableStatus: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(
    call,
    new ResponderBuilder()
      .withSendStatus((status, next) =>
        next(status.details ? { ...status, details: printable(status.details, maxMessage) } : status),
      )
      .build(),
  );
