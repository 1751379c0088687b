/** What the API server, or the way to it, answered instead of a result. */
export class KubeError extends Error {
  /** HTTP status (RFC 9110); 0 when there was no answer. */
  readonly status: number;
  /** The `reason` of Kubernetes' Status object, such as `Conflict`; empty when there was none. */
  readonly reason: string;
  /** How long the API server asks to wait before the next attempt (header Retry-After). */
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

/** The object, or the kind, does not exist. */
export const isNotFound = (thrown: unknown): boolean => hasStatus(thrown, 404);
/** Somebody else has created or changed the object meanwhile. */
export const isConflict = (thrown: unknown): boolean => hasStatus(thrown, 409);
/** A resource version is too old to go on from (Kubernetes API concepts, "410 Gone responses"). */
export const isExpired = (thrown: unknown): boolean => hasStatus(thrown, 410);
