/** A request that failed: the API server refused it, or could not be reached. */
export class KubeError extends Error {
  /** HTTP status (RFC 9110); 0 when there was no answer. */
  readonly status: number;
  /** The `reason` of Kubernetes' Status object, such as `Conflict`; empty when there was none. */
  readonly reason: string;
  /** How long to wait before the next attempt, if the API server says so (header Retry-After). */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, { status = 0, reason = '', retryAfterMs }: KubeErrorDetails = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface KubeErrorDetails {
  readonly status?: number;
  readonly reason?: string;
  readonly retryAfterMs?: number | undefined;
}

const hasStatus = (thrown: unknown, status: number): boolean => thrown instanceof KubeError && thrown.status === status;

/** Whether the object, or its kind, does not exist. */
export const isNotFound = (thrown: unknown): boolean => hasStatus(thrown, 404);
/** Whether RBAC does not allow the request. */
export const isForbidden = (thrown: unknown): boolean => hasStatus(thrown, 403);
/** Whether somebody else has created or changed the object in the meantime. */
export const isConflict = (thrown: unknown): boolean => hasStatus(thrown, 409);
/** Whether a resource version is too old to continue from (Kubernetes API concepts, "410 Gone responses"). */
export const isExpired = (thrown: unknown): boolean => hasStatus(thrown, 410);
