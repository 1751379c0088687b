import { maxMessage, printable } from '@flotilla/std';

/** A user's problem as data: what is wrong, where, and what to do. */
export interface Problem {
  /** Istio's code where it has one (IST0101 ...), else a short kebab-case word. */
  readonly code: string;
  readonly level: 'error' | 'warning' | 'info';
  readonly message: string;
  /** `Kind namespace/name`, when known. */
  readonly resource?: string;
  /** File and document, `path[#n]` with n from 1, when known. */
  readonly origin?: string;
  /** Path of the field, `spec.http[0].route`, when known. */
  readonly path?: string;
}

/**
 * Runs `read`, which reads an object, unless that is to be passed over: then gives what `passedOver` makes of the
 * problem that says why. `hash` is that of the object's content.
 */
export type Reading = <T>(
  object: { readonly name: string; readonly hash: string },
  read: () => T,
  passedOver: (problem: Problem) => T,
) => T;

/** A problem as it may be shown anywhere: the texts that it quotes are printable, its own length is bounded. */
export const printableProblem = ({ code, level, message, resource, origin, path }: Problem): Problem => ({
  code,
  level,
  message: printable(message, maxMessage),
  ...(resource === undefined ? {} : { resource: printable(resource) }),
  ...(origin === undefined ? {} : { origin: printable(origin) }),
  ...(path === undefined ? {} : { path: printable(path) }),
});
