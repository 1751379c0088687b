const ranges: readonly (readonly [first: number, last: number])[] = [
  [100, 103],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
];

/** Has a status code of HTTP a name (IANA's registry, as Go's http.StatusText knows it)? */
export const isHttpStatus = (code: number): boolean => ranges.some(([first, last]) => code >= first && code <= last);

/** The status codes of gRPC by number (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). */
const grpcCodes: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** The number of a status code of gRPC; undefined for a name that is not one. */
export function grpcStatusOf(name: string): number | undefined {
  const code = grpcCodes.indexOf(name);
  return code < 0 ? undefined : code;
}
