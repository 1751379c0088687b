import { X509Certificate } from 'node:crypto';
import {
  status,
  type sendUnaryData,
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import {
  batchToBytes,
  createBusState,
  createOutbox,
  encodeBatch,
  type Outbox,
  type Publisher,
  type ReportReceiver,
  type TakeReport,
} from '@flotilla/bus-port';
import { collections as known, type Collection } from '@flotilla/model';
import { peerIdentity } from '@flotilla/pki';
import { spiffeOf } from '@flotilla/rules';
import { reportMethod, subscribeMethod } from './definition.ts';

type Call = ServerWritableStream<readonly Collection[], Uint8Array>;

export interface GrpcBusServerOptions {
  /** SPIFFE identities of who may subscribe; absent where the link is not TLS (tests, one host). */
  readonly allow?: readonly string[];
  /** SPIFFE identities of who may report; absent where the link is not TLS, as above. */
  readonly allowReports?: readonly string[];
  readonly maxSubscribers?: number;
}
export interface GrpcBusServer extends Publisher, ReportReceiver {
  /** Serves flotilla.bus.v1.Bus on a server that the caller binds. */
  addTo(server: Server): void;
  close(): Promise<void>;
}

/** The SPIFFE identity at the other end; undefined without a client certificate that names one. */
function identityOf(call: Pick<Call, 'getAuthContext'>): string | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (!certificate?.raw) return undefined;
  const identity = peerIdentity(new X509Certificate(certificate.raw));
  return identity.ok ? spiffeOf(identity.value) : undefined;
}

/**
 * galley's side of the bus over gRPC: it holds the state and one stream per subscriber. A slow one gets the latest of
 * each key.
 */
export function createGrpcBusServer({
  allow,
  allowReports,
  maxSubscribers = 1000,
}: GrpcBusServerOptions = {}): GrpcBusServer {
  const state = createBusState();
  const subscribers = new Map<Outbox, Call>();
  let takeReport: TakeReport = () => undefined;

  function subscribe(call: Call): void {
    const refuse = (code: status, details: string): void => void call.emit('error', { code, details });
    if (allow && !allow.includes(identityOf(call) ?? ''))
      return refuse(status.PERMISSION_DENIED, 'this identity may not subscribe');
    if (subscribers.size >= maxSubscribers)
      return refuse(status.RESOURCE_EXHAUSTED, `there are ${maxSubscribers} subscribers already`);
    let isFull = false;
    const pump = (): void => {
      while (!isFull && !call.destroyed) {
        const batch = outbox.take();
        if (!batch) return;
        isFull = !call.write(batchToBytes(batch));
      }
    };
    const outbox = createOutbox(
      known.filter((collection) => call.request.includes(collection)),
      pump,
    );
    call.on('drain', () => {
      isFull = false;
      pump();
    });
    const leave = (): void => void subscribers.delete(outbox);
    for (const event of ['cancelled', 'close', 'error']) call.on(event, leave);
    subscribers.set(outbox, call);
    outbox.add(state.whole());
  }

  function report(call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: sendUnaryData<Uint8Array>): void {
    const identity = identityOf(call);
    if (allowReports && !allowReports.includes(identity ?? ''))
      return answer({ code: status.PERMISSION_DENIED, details: 'this identity may not report' });
    const taken = takeReport(call.request, identity ?? '');
    if (taken) answer(null, taken);
    else answer({ code: status.FAILED_PRECONDITION, details: 'the report is not for this galley' });
  }

  return {
    // Asynchronous so that a failure is a rejection.
    publish: async (batch) => {
      const fresh = state.take(encodeBatch(batch));
      if (fresh) for (const outbox of subscribers.keys()) outbox.add(fresh);
    },
    onReport: (take) => {
      takeReport = take;
    },
    addTo: (server) =>
      void server.addService(
        { Subscribe: subscribeMethod, Report: reportMethod },
        { Subscribe: subscribe, Report: report },
      ),
    close: () => {
      for (const call of subscribers.values()) call.end();
      subscribers.clear();
      return Promise.resolve();
    },
  };
}
