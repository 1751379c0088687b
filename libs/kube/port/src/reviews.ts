import type { KubeApi } from './kube-api.ts';
import { resources } from './resources.ts';
import { isRecord } from '@flotilla/std';

/** Whom a token belongs to, according to the API server. */
export interface TokenIdentity {
  /** `system:serviceaccount:NAMESPACE:NAME` for a ServiceAccount. */
  readonly username: string;
  readonly groups: readonly string[];
  /** The pod that the token is bound to; absent when it is bound to none. */
  readonly pod?: { readonly name: string; readonly uid: string };
}
/** The API server's answer to a TokenReview; `reason` is for a person. */
export type TokenVerdict =
  | { readonly authenticated: true; readonly identity: TokenIdentity }
  | { readonly authenticated: false; readonly reason: string };

/**
 * Asks the API server whom a token belongs to (Kubernetes API, TokenReview). A token for none of the audiences is not
 * authenticated, and neither is one whose pod no longer exists. Throws KubeError when there is no verdict.
 */
export async function reviewToken(api: KubeApi, token: string, audiences: readonly string[]): Promise<TokenVerdict> {
  const { status } = await api.create(resources.tokenReviews, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences },
  });
  const verdict = isRecord(status) ? status : {};
  if (verdict['authenticated'] !== true || !isRecord(verdict['user']))
    return { authenticated: false, reason: textOf(verdict['error']) || 'the API server does not accept the token' };
  const granted = listOf(verdict['audiences']);
  if (audiences.length > 0 && !audiences.some((audience) => granted.includes(audience)))
    return { authenticated: false, reason: `the token is not for the audience ${audiences.join(', ')}` };
  const { username, groups, extra } = verdict['user'];
  const [podName] = listOf(isRecord(extra) ? extra['authentication.kubernetes.io/pod-name'] : undefined);
  const [podUid] = listOf(isRecord(extra) ? extra['authentication.kubernetes.io/pod-uid'] : undefined);
  return {
    authenticated: true,
    identity: {
      username: textOf(username),
      groups: listOf(groups),
      ...(podName !== undefined && podUid !== undefined ? { pod: { name: podName, uid: podUid } } : {}),
    },
  };
}

/** A request that somebody may or may not be allowed to make (ResourceAttributes). */
export interface Access {
  readonly user: string;
  readonly groups?: readonly string[];
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/**
 * Whether a user is allowed access (Kubernetes API, SubjectAccessReview). Throws KubeError when there is no
 * verdict.
 */
export async function reviewAccess(api: KubeApi, access: Access): Promise<boolean> {
  const { user, groups, ...resourceAttributes } = access;
  const { status } = await api.create(resources.subjectAccessReviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, ...(groups ? { groups } : {}), resourceAttributes },
  });
  return isRecord(status) && status['allowed'] === true && status['denied'] !== true;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((member) => typeof member === 'string') : [];
