import { annotationLimits, err, ok, readJsonObject, type JsonLimits, type Result, isRecord } from '@flotilla/std';
import { podProblem } from '@flotilla/injector-inject';
import type { PodObject } from '@flotilla/injector-template';

export interface ReviewRequest {
  readonly uid: string;
  readonly namespace: string;
  readonly apiVersion: string;
  readonly pod: PodObject;
}
type Plain = Readonly<Record<string, unknown>>;
/** What was wrong, and the request's uid and version where they could be read. */
export interface ReviewFailure {
  readonly message: string;
  readonly uid: string;
  readonly apiVersion?: string;
  /** Whether it is longer, deeper or larger than `reviewLimits`. */
  readonly isOverLimit?: boolean;
}

/** A pod has a depth of some 20, and its object is there twice in an update. */
export const reviewLimits: JsonLimits = {
  ...annotationLimits,
  length: 6 << 20,
  depth: 60,
  nodes: 100_000,
  keys: 50_000,
  scalarLength: 1 << 20,
};

/** Reads an AdmissionReview about a Pod. Never throws. */
export function parseReview(body: string): Result<ReviewRequest, ReviewFailure> {
  const read = readJsonObject(body, reviewLimits);
  if (!read.ok)
    return err({
      message: `couldn't get version/kind; json parse error: ${read.error.message}`,
      uid: '',
      isOverLimit: read.error.code === 'over-limit',
    });
  const raw = withoutNull(read.value) as Plain;
  if (typeof raw['kind'] !== 'string' || raw['kind'] === '')
    return err({ message: `Object 'Kind' is missing in '${body.slice(0, 1000)}'`, uid: '' });
  const apiVersion = String(raw['apiVersion']);
  if (raw['kind'] !== 'AdmissionReview' || !/^admission\.k8s\.io\/v1(beta1)?$/.test(apiVersion))
    return err({ message: `no kind "${raw['kind']}" is registered for version "${apiVersion}"`, uid: '' });
  const request = raw['request'];
  const uid = isRecord(request) && typeof request['uid'] === 'string' ? request['uid'] : '';
  if (!isRecord(request)) return err({ message: 'the review has no request', uid, apiVersion });
  const wrong = podProblem(request['object']);
  if (wrong) return err({ message: wrong, uid, apiVersion });
  const object = request['object'] as unknown as PodObject;
  return ok({
    uid,
    apiVersion,
    namespace: typeof request['namespace'] === 'string' ? request['namespace'] : '',
    pod: { ...object, metadata: object.metadata ?? {} },
  });
}

/**
 * To Kubernetes a null member is an absent one; null items stay, since others count by their place. As deep as
 * `reviewLimits` allow.
 */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, withoutNull(member)]])),
  );
}
