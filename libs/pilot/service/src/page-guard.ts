import { textAnswer, type Logger, type PageAnswer, type PageGuard } from '@flotilla/observability-port';
import type { PilotVerdict, TokenIdentities } from '@flotilla/pilot-server';
import { parseSpiffe } from '@flotilla/rules';

export interface PageGuardOptions {
  readonly identityOf: TokenIdentities;
  /** The namespace of the control plane. */
  readonly systemNamespace: string;
  readonly log: Logger;
}

/** HTTP statuses for a token that proves nothing: refused, no verdict now, too many tokens to check. */
const statuses = { refused: 401, undecided: 503, busy: 429 } as const satisfies Record<
  Exclude<PilotVerdict, { readonly kind: 'accepted' }>['kind'],
  number
>;

/**
 * Admits bearer tokens of service accounts in the control plane's namespace (Istio's
 * DiscoveryServer.allowAuthenticatedOrLocalhost, which from 1.20 on requires that namespace too). Everybody else gets
 * an answer that says what is missing.
 */
export function createPageGuard({ identityOf, systemNamespace, log }: PageGuardOptions): PageGuard {
  const remedy = `from elsewhere, send the token of a service account in namespace ${systemNamespace}: curl -H "Authorization: Bearer $(kubectl create token NAME -n ${systemNamespace} --audience istio-ca)"; or use kubectl port-forward`;
  const refuse = (peer: string, reason: string, status: number): PageAnswer => {
    log.with({ peer }).warn('page refused', { error: reason });
    return textAnswer([reason, remedy], status);
  };
  return async ({ address, token }) => {
    if (token === undefined) return refuse(address, 'this page is for callers in the same pod', 401);
    const verdict = await identityOf(token, address);
    if (verdict.kind !== 'accepted') return refuse(address, `bearer token: ${verdict.reason}`, statuses[verdict.kind]);
    const identity = parseSpiffe(verdict.identity);
    return identity.ok && identity.value.namespace === systemNamespace
      ? undefined
      : refuse(address, `${verdict.identity} is not in namespace ${systemNamespace}`, 403);
  };
}
