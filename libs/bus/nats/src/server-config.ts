import { inboxPrefix, logSubject, streamName, writerSubject } from './names.ts';

export interface NatsUser {
  readonly name: string;
  readonly password: string;
  /** galley publishes; pilot and sidecar-injector only subscribe. */
  readonly role: 'publisher' | 'subscriber';
}
export interface NatsServerConfig {
  readonly host: string;
  readonly port: number;
  /** Where JetStream keeps its streams: a folder that outlives the process. */
  readonly storeDir: string;
  readonly revision: string;
  readonly users: readonly NatsUser[];
  /** PEM files. With `verifyClients` a client needs a certificate of that CA beside its password. */
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly caFile: string; readonly verifyClients?: boolean };
  /** HTTP for health and figures; absent: none. */
  readonly monitorPort?: number;
  readonly serverName?: string;
  readonly maxStoreBytes?: number;
}

/** What a user may publish to: of JetStream's API only what its role needs, on its own revision's stream. */
export function publishPermissions(role: NatsUser['role'], revision: string): string[] {
  const stream = streamName(revision);
  const reading = ['$JS.API.INFO', `$JS.API.STREAM.INFO.${stream}`, `$JS.API.CONSUMER.CREATE.${stream}.>`, ...['INFO', 'DELETE', 'MSG.NEXT'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.*`)];
  const verbs = ['CREATE', 'UPDATE', 'PURGE', 'MSG.GET'];
  const writing = [logSubject(revision, '*'), writerSubject(revision, '*'), '_INBOX_galley.>', ...verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`)];
  return role === 'publisher' ? [...reading, ...writing] : reading;
}

/** Strings of nats-server's configuration are quoted as JSON's are. */
const quote = (text: string): string => JSON.stringify(text);
const list = (items: readonly string[]): string => `[${items.map(quote).join(', ')}]`;

/** nats-server's configuration file. It holds passwords: write it with mode 0600. */
export function buildServerConfig({ host, port, storeDir, revision, users, tls, monitorPort, serverName = 'flotilla', maxStoreBytes = 1024 ** 3 }: NatsServerConfig): string {
  const userBlocks = users.map(({ name, password, role }) => `    {
      user: ${quote(name)}, password: ${quote(password)}
      permissions: {
        publish: { allow: ${list(publishPermissions(role, revision))} }
        subscribe: { allow: ${list([`${inboxPrefix(name)}.>`, ...(role === 'publisher' ? [writerSubject(revision, '*')] : [])])} }
      }
    }`);
  return `server_name: ${quote(serverName)}
listen: ${quote(`${host}:${port}`)}
${monitorPort === undefined ? '' : `http: ${quote(`${host}:${monitorPort}`)}\n`}tls: { cert_file: ${quote(tls.certFile)}, key_file: ${quote(tls.keyFile)}, ca_file: ${quote(tls.caFile)}, verify: ${tls.verifyClients ?? false} }
jetstream: { store_dir: ${quote(storeDir)}, max_memory_store: ${64 * 1024 * 1024}, max_file_store: ${maxStoreBytes} }
authorization: {
  timeout: 5
  users: [
${userBlocks.join('\n')}
  ]
}
`;
}
