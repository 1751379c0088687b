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
  // The text is the webhook's alone: it says what it is about.
  SchemaValidationError: { code: 'IST0106', level: 'error', template: '{error}' },
  SchemaWarning: { code: 'IST0133', level: 'warning', template: '{warning}' },
  ConflictingMeshGatewayVirtualServiceHosts: {
    code: 'IST0109',
    level: 'error',
    template:
      'The VirtualServices {virtualServices} associated with mesh gateway define the same host {host} which can lead to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single resource.',
  },
  TooManyDelegations: {
    code: 'too-many-delegations',
    level: 'warning',
    template:
      'The routes of this VirtualService and its delegates are too many: {count} of its delegations are left out (at most {routes} routes, and {comparisons} comparisons of matches)',
    remedy: 'delegate in fewer routes, or give them fewer matches',
  },
  PortNameIsNotUnderNamingConvention: {
    code: 'IST0118',
    level: 'info',
    template:
      "Port name {portName} (port: {port}, targetPort: {targetPort}) doesn't follow the naming convention of Istio port.",
    remedy: 'begin the name with the protocol, as http-web, or set appProtocol',
  },
  NoMatchingWorkloadsFound: {
    code: 'IST0127',
    level: 'warning',
    template: 'No matching workloads for this resource with the following labels: {labels}',
    remedy:
      'correct the labels, or give the workloads a sidecar: label their namespace istio-injection=enabled and restart them',
  },
  ConflictingGateways: {
    code: 'IST0145',
    level: 'error',
    template: 'Conflict with gateways {gateways} (workload selector {selector}, port {port}, hosts {hosts}).',
    remedy: 'merge them, or give them different hosts or ports',
  },
  ConflictingGatewayProtocols: {
    code: 'conflicting-protocols',
    level: 'warning',
    template: 'Port {port} of these workloads is already {protocol} in Gateway {gateway}, so this server does not work',
    remedy: 'choose another port, or merge the Gateways',
  },
  CredentialNotServed: {
    code: 'credential-not-served',
    level: 'warning',
    template: 'The proxies do not get the credential {name:quoted}: {reason}',
  },
  UnknownHost: {
    code: 'unknown-host',
    level: 'warning',
    template: 'No Service or ServiceEntry has the host {host:quoted}, so this has no effect',
    remedy: 'create it or correct the name',
  },
  PrincipalWithScheme: {
    code: 'principal-with-scheme',
    level: 'warning',
    template: 'The principal {principal:quoted} never matches',
    remedy: 'write it without spiffe://, as cluster.local/ns/NAMESPACE/sa/ACCOUNT',
  },
  Duplicate: {
    code: 'duplicate',
    level: 'error',
    template: '{name} is already in {origin}, which applies',
    remedy: 'remove one of them',
  },
  More: {
    code: 'more',
    level: 'warning',
    template: '{count} more problems here are not shown',
    remedy: 'solve these first',
  },
  MoreErrors: {
    code: 'more',
    level: 'error',
    template: '{count} more errors are not listed',
    remedy: 'solve these first',
  },
  MoreWarnings: {
    code: 'more',
    level: 'warning',
    template: '{count} more warnings are not listed',
    remedy: 'solve these first',
  },

  // Texts and files. The readers of libs/std say what is wrong with a text, and where.
  'yaml-syntax': { code: 'yaml-syntax', level: 'error', template: '{detail}' },
  'json-syntax': { code: 'json-syntax', level: 'error', template: '{detail}' },
  'over-limit': { code: 'over-limit', level: 'error', template: '{detail}' },
  NotUtf8: {
    code: 'not-utf8',
    level: 'error',
    template: 'the file is not UTF-8',
    remedy: 'save it in that encoding',
  },
  FileTooLarge: {
    code: 'too-large',
    level: 'error',
    template: 'the file has {size} bytes, more than {limit}',
    remedy: 'split it',
  },
  NotAFile: {
    code: 'unreadable',
    level: 'error',
    template: 'this is a pipe or a device; only files are read',
    remedy: 'remove it',
  },
  Unreadable: { code: 'unreadable', level: 'error', template: '{reason}' },
  LeftOut: { code: 'left-out', level: 'error', template: 'not read: {paths}' },

  // Objects by themselves.
  WrongType: { code: 'wrong-type', level: 'error', template: 'expected {expected}, found {found}' },
  WrongMetadata: { code: 'wrong-type', level: 'error', template: '{detail}' },
  UnknownField: { code: 'unknown-field', level: 'error', template: 'unknown field {name}' },
  UnknownMember: { code: 'unknown-member', level: 'error', template: 'unknown field {name}' },
  IgnoredField: { code: 'unknown-field', level: 'warning', template: 'unknown field {name} is ignored' },
  UnknownKind: { code: 'unknown-kind', level: 'error', template: 'unknown kind {kind} of {apiVersion}{suggestion}' },
  UnknownGroup: { code: 'unknown-group', level: 'error', template: 'unknown group {group}{suggestion}' },
  NotSupported: {
    code: 'not-supported',
    level: 'warning',
    template: '{kind} is not supported yet and has no effect',
  },

  DuplicateSecret: {
    code: 'duplicate',
    level: 'error',
    template: 'Secret {name} is already in {origin}, which applies',
  },
  InvalidSecret: { code: 'invalid-secret', level: 'error', template: '{reason}' },

  // Pilot.
  NotGenerated: { code: 'not-generated', level: 'error', template: '{reason}' },

  // Galley itself.
  Quarantined: {
    code: 'quarantined',
    level: 'error',
    template: 'not read: the process hung on this at {since} and was ended by its watchdog',
    remedy: 'it is read again once it changes; the log of that time contains a stack trace: please report it',
  },
  SourceAway: { code: 'source-away', level: 'error', template: '{state}; {effect}' },
  StateTooLarge: { code: 'too-large', level: 'error', template: '{detail}' },
} as const satisfies Readonly<Record<string, Message>>;
