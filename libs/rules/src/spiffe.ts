import { err, ok, type Result } from '@flotilla/std';

export interface SpiffeIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dotted = /^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$/;
const maxLength = 2048;

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`, as Istio names workloads. */
export const spiffeOf = ({ trustDomain, namespace, serviceAccount }: SpiffeIdentity): string =>
  `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;

/** Reads Istio's form of a SPIFFE identity; fails, saying what was found, on any other. */
export function parseSpiffe(uri: string): Result<SpiffeIdentity> {
  if (uri.length > maxLength) return err(`an identity is at most ${maxLength} characters`);
  const [, trustDomain = '', namespace = '', serviceAccount = ''] =
    /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(uri) ?? [];
  return validIdentity({ trustDomain, namespace, serviceAccount })
    ? ok({ trustDomain, namespace, serviceAccount })
    : err(`${JSON.stringify(uri)} is not of the form spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`);
}

/**
 * The ServiceAccount that a subject names, as Kubernetes writes it in tokens and reviews:
 * `system:serviceaccount:NAMESPACE:NAME`. Both are empty for any other subject; neither is checked (`validIdentity`).
 */
export function serviceAccountOf(subject: string): Omit<SpiffeIdentity, 'trustDomain'> {
  const [, namespace = '', serviceAccount = ''] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject) ?? [];
  return { namespace, serviceAccount };
}

/** Whether the parts are names that Kubernetes allows, so that none can reach into another part of the URI. */
export const validIdentity = ({ trustDomain, namespace, serviceAccount }: SpiffeIdentity): boolean =>
  trustDomain.length <= 255 &&
  dotted.test(trustDomain) &&
  namespace.length <= 63 &&
  label.test(namespace) &&
  serviceAccount.length <= 253 &&
  dotted.test(serviceAccount);

/**
 * An identity, then the same in each other trust domain (Istio's spiffe.ExpandWithTrustDomains). A text that is not of
 * Istio's form stays alone.
 */
export function withTrustDomains(identity: string, trustDomains: readonly string[]): string[] {
  const [, path] = /^spiffe:\/\/[^/]+(\/ns\/[^/]+\/sa\/[^/]+)$/.exec(identity) ?? [];
  return path === undefined ? [identity] : [identity, ...trustDomains.map((domain) => `spiffe://${domain}${path}`)];
}
