/** One kind of problem. */
export interface Message {
  /** Istio's where it has one (istio.io, Configuration Analysis Messages), else words with hyphens. */
  readonly code: string;
  /** As Istio has it. Of an object that is in force nothing is worse than a warning, see `buildProblem`. */
  readonly level: 'error' | 'warning' | 'info';
  /** Arguments are `{name}` for text and numbers, `{name:quoted}` for text in quotes, `{names:list}` for lists. */
  readonly template: string;
  /** What to do about it; absent where the template says so. */
  readonly remedy?: string;
}

/** Problems with several objects, and with how galley comes by them. Templates with a code of Istio's are Istio's. */
export const messages = {
  InternalError: {
    code: 'IST0001',
    level: 'error',
    template: 'Internal error: {detail}',
    remedy: 'please report it',
  },
  ReferencedResourceNotFound: {
    code: 'IST0101',
    level: 'error',
    template: 'Referenced {reference} not found: {name:quoted}',
    remedy: 'create it or correct the name',
  },
  Duplicate: {
    code: 'duplicate',
    level: 'error',
    template: '{name} is already in {origin}, which is in force',
    remedy: 'remove one of them',
  },
  More: {
    code: 'more',
    level: 'warning',
    template: '{count} more problems here are not shown',
    remedy: 'solve these first',
  },
} as const satisfies Readonly<Record<string, Message>>;
