import { status, type sendUnaryData, type ServerUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';
import { identityIn, type GrpcService } from '@flotilla/grpc';
import type { IdentifyToken, TokenVerdict } from '@flotilla/model';
import { createLimits, type Observability } from '@flotilla/observability-port';
import { flotilla } from '@flotilla/proto-gen/identity';
import { unreachable } from '@flotilla/std';

const { IdentifyRequest, IdentifyResponse } = flotilla.identity.v1;
type Request = Pick<InstanceType<typeof IdentifyRequest>, 'token' | 'address'>;
type Decided = Exclude<TokenVerdict<string>, { readonly kind: 'undecided' }>;

const identityService = {
  Identify: {
    path: '/flotilla.identity.v1.Identity/Identify',
    requestStream: false,
    responseStream: false,
    requestSerialize: (request: Request) => Buffer.from(IdentifyRequest.encode(request).finish()),
    requestDeserialize: (bytes: Buffer): Request => IdentifyRequest.decode(bytes),
    responseSerialize: (verdict: Decided) => Buffer.from(IdentifyResponse.encode(responseOf(verdict)).finish()),
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} satisfies ServiceDefinition;

function responseOf(verdict: Decided): Parameters<typeof IdentifyResponse.encode>[0] {
  const reuseMs = Math.floor(verdict.reuseMs);
  switch (verdict.kind) {
    case 'accepted':
      return { identity: verdict.identity, reuseMs };
    case 'refused':
      return { refusal: verdict.reason, reuseMs };
    default:
      return unreachable(verdict);
  }
}

/** The most tokens checked at once for all pilots, so that reviews are left for workloads that need a certificate. */
const maxChecks = 60;

export interface IdentityServiceOptions {
  readonly identify: IdentifyToken;
  /** SPIFFE identities that may have tokens checked; any others are refused with PERMISSION_DENIED. */
  readonly allow: readonly string[];
  readonly observability: Observability;
}

/** Identifies the owners of bearer tokens over mTLS. Tokens are neither kept nor logged. */
export function createIdentityService({ identify, allow, observability }: IdentityServiceOptions): GrpcService {
  const log = observability.log.scope('identity');
  const limitHit = createLimits(observability.metrics, ['identity_checks']);
  let checks = 0;

  async function answer({ token, address }: Request, send: sendUnaryData<Decided>): Promise<void> {
    checks += 1;
    try {
      const verdict = await identify(token, address);
      if (verdict.kind === 'undecided') send({ code: status.UNAVAILABLE, details: verdict.reason });
      else send(null, verdict);
    } finally {
      checks -= 1;
    }
  }

  const handle = (call: ServerUnaryCall<Request, Decided>, send: sendUnaryData<Decided>): void => {
    const identity = identityIn(call.getAuthContext().sslPeerCertificate?.raw);
    if (identity === undefined || !allow.includes(identity)) {
      const details = 'this identity may not have tokens checked';
      log.warn('request refused', { identity, peer: call.getPeer(), reason: details });
      return send({ code: status.PERMISSION_DENIED, details });
    }
    if (checks >= maxChecks) {
      limitHit('identity_checks');
      return send({ code: status.RESOURCE_EXHAUSTED, details: `${maxChecks} tokens are being checked: try again` });
    }
    void answer(call.request, send);
  };
  return { addTo: (server) => void server.addService(identityService, { Identify: handle }) };
}
