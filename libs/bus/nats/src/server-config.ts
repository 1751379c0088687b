import {
  directGetSubject,
  feedSubject,
  inboxPrefix,
  logSubject,
  reportSubject,
  streamName,
  writerSubject,
} from './names.ts';

export interface NatsUser {
  /** The service, as its clients say it in `NatsBusOptions.user`: `galley`, `pilot`. */
  readonly name: string;
  /** The SPIFFE identity in the service's certificate; nothing else makes a client this user. */
  readonly identity: string;
  /** galley publishes; pilot and sidecar-injector subscribe. */
  readonly role: 'publisher' | 'subscriber';
  /** A subscriber that reports to galley what proxies have: pilot. */
  readonly reports?: boolean;
}
/** The users of a fleet: its services, by their identities. */
export const fleetUsers = (identityOf: (service: string) => string): readonly NatsUser[] => [
  { name: 'galley', identity: identityOf('galley'), role: 'publisher' },
  { name: 'pilot', identity: identityOf('pilot'), role: 'subscriber', reports: true },
  { name: 'sidecar-injector', identity: identityOf('sidecar-injector'), role: 'subscriber' },
];
export interface NatsServerConfig {
  readonly host: string;
  readonly port: number;
  /** Where JetStream keeps its streams: a folder that outlives the process. */
  readonly storeDir: string;
  readonly revision: string;
  readonly users: readonly NatsUser[];
  /** PEM files; clients need a certificate of that CA. */
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  readonly serverName?: string;
  readonly maxStoreBytes?: number;
  readonly maxConnections?: number;
}

interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  readonly mayAnswer?: boolean;
}

/**
 * What a user may do, on its own revision's stream alone. A publisher makes the stream and writes it, and answers
 * whether it is there; it hears the reports of all users. A subscriber reads messages, and hears that there are more;
 * it has no consumers, which could deliver to any subject. One that reports does so on a subject of its own.
 */
function rightsOf({ name, role, reports = false }: Omit<NatsUser, 'identity'>, revision: string): Rights {
  const stream = streamName(revision);
  const inboxes = `${inboxPrefix(name)}.>`;
  if (role === 'subscriber')
    return {
      publish: [directGetSubject(revision), ...(reports ? [reportSubject(revision, name)] : [])],
      subscribe: [feedSubject(revision), inboxes],
    };
  const api = ['INFO', 'CREATE', 'UPDATE', 'PURGE', 'MSG.GET'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`);
  const [log, writer] = [logSubject(revision, '*'), writerSubject(revision, '*')];
  return {
    publish: [log, writer, ...api],
    subscribe: [writer, reportSubject(revision, '*'), inboxes],
    mayAnswer: true,
  };
}

/** Strings of nats-server's configuration are quoted as JSON's are. */
const quote = (text: string): string => JSON.stringify(text);
const list = (items: readonly string[]): string => `[${items.map(quote).join(', ')}]`;
const busAccount = 'FLOTILLA';
const accountOf = ({ name }: NatsUser): string => `READER-${name}`;

const userBlock = (user: NatsUser, revision: string): string => {
  const { publish, subscribe, mayAnswer } = rightsOf(user, revision);
  return `{ user: ${quote(user.identity)}, permissions: {
        publish: { allow: ${list(publish)} }
        subscribe: { allow: ${list(subscribe)} }${mayAnswer ? '\n        allow_responses: { max: 1, expires: "5s" }' : ''}
      } }`;
};

/**
 * nats-server's configuration file. Who a client is, its certificate alone says; any other certificate of the same CA,
 * a workload's for example, is nobody and is let in nowhere. The stream is in an account of the publishers. Each
 * subscriber has an account without JetStream, into which only the feed, the reading of messages and the subject of its
 * own reports are imported: a
 * subject that it names for an answer is a subject of its own account, so that nothing it requests reaches anybody
 * else. There is no monitoring port: it shows users, addresses and subjects to everyone who reaches it, and has no
 * authentication.
 */
export function buildServerConfig(options: NatsServerConfig): string {
  const {
    host,
    port,
    storeDir,
    revision,
    users,
    tls,
    serverName = 'flotilla',
    maxStoreBytes = 1024 ** 3,
    maxConnections = 256,
  } = options;
  const publishers = users.filter(({ role }) => role === 'publisher');
  const readers = users.filter(({ role }) => role === 'subscriber');
  const [feed, reading] = [feedSubject(revision), directGetSubject(revision)].map(quote);
  const accounts = list(readers.map(accountOf));
  const reportsOf = ({ name }: NatsUser): string => quote(reportSubject(revision, name));
  const readerAccounts = readers.map(
    (reader) => `  ${quote(accountOf(reader))}: {
    limits: { max_connections: ${maxConnections} }
    imports: [
      { stream: { account: ${busAccount}, subject: ${feed} } }
      { service: { account: ${busAccount}, subject: ${reading} } }${reader.reports ? `\n      { service: { account: ${busAccount}, subject: ${reportsOf(reader)} } }` : ''}
    ]
    users: [
      ${userBlock(reader, revision)}
    ]
  }`,
  );
  return `server_name: ${quote(serverName)}
listen: ${quote(`${host}:${port}`)}
tls: {
  cert_file: ${quote(tls.certFile)}, key_file: ${quote(tls.keyFile)}, ca_file: ${quote(tls.caFile)}
  verify_and_map: true, timeout: 3
}
authorization: { timeout: 3 }
max_connections: ${maxConnections}
max_subscriptions: 64
max_payload: ${1024 * 1024}
max_pending: ${32 * 1024 * 1024}
max_control_line: 4096
write_deadline: "5s"
ping_interval: "10s"
ping_max: 2
lame_duck_duration: "30s"
lame_duck_grace_period: "1s"
jetstream: { store_dir: ${quote(storeDir)}, max_memory_store: ${64 * 1024 * 1024}, max_file_store: ${maxStoreBytes} }
accounts: {
  ${busAccount}: {
    jetstream: { max_memory: 0, max_file: ${maxStoreBytes}, max_streams: 1, max_consumers: 1 }
    exports: [
      { stream: ${feed}, accounts: ${accounts} }
      { service: ${reading}, response_type: stream, accounts: ${accounts} }
      ${readers
        .filter(({ reports }) => reports)
        .map((reader) => `{ service: ${reportsOf(reader)}, accounts: ${list([accountOf(reader)])} }`)
        .join('\n      ')}
    ]
    users: [
      ${publishers.map((user) => userBlock(user, revision)).join('\n      ')}
    ]
  }
${readerAccounts.join('\n')}
}
`;
}
