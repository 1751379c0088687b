import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { logSubject, streamName } from '@flotilla/bus-nats';
import { expect, table, type Attack } from '../../attack.ts';
import { connectNats, serviceCertificate, type NatsUser } from '../../clients/nats.ts';
import { many } from '../../clients/sockets.ts';
import type { Mesh } from '../../mesh/attacked-mesh.ts';

type Row = Omit<Attack, 'service' | 'kind'>;
const shapes = ['fleet'] as const;
const stream = streamName('default');
/** A service of the control plane that somebody has taken over. */
export const service = async (mesh: Mesh, name: string): Promise<NatsUser> => ({
  inboxes: name,
  certificate: await serviceCertificate(mesh, name),
});

const refused = (name: string, who: (mesh: Mesh) => Promise<NatsUser> | NatsUser, more: Partial<Row> = {}): Row => ({
  name,
  describe: 'a client that is not one of the services: no connection',
  shapes,
  run: async (mesh) => {
    const result = await connectNats(mesh, await who(mesh)).catch((error: Error) => error);
    expect('no connection', 'a connection', result instanceof Error);
  },
  ...more,
});

/** Who may connect. */
export const users = table({ service: 'nats', kind: 'nats-users' }, [
  {
    name: 'a reader of the bus',
    describe: "pilot's certificate: a connection, which shows that the other rows could fail",
    shapes,
    run: async (mesh) => void (await connectNats(mesh, await service(mesh, 'pilot'))),
  },
  refused('a client without identity', () => ({})),
  refused("a user's name without a certificate", () => ({ user: 'spiffe://cluster.local/ns/istio-system/sa/galley' })),
  // ddf8edd: any certificate of the CA would do.
  refused("a workload's certificate", async (mesh) => ({ certificate: await mesh.certificate() }), { form: 'short' }),
  refused("galley's name with a workload's certificate", async (mesh) => ({
    user: 'galley',
    certificate: await mesh.certificate(),
  })),
  refused("galley's identity with a workload's certificate", async (mesh) => ({
    user: 'spiffe://cluster.local/ns/istio-system/sa/galley',
    certificate: await mesh.certificate(),
  })),
  refused('a workload named galley in another namespace', async (mesh) => ({
    certificate: await mesh.certificate('shop', 'galley'),
  })),
  refused("pilot's certificate with a password", async (mesh) => ({
    user: 'pilot',
    password: 'wrong',
    certificate: await serviceCertificate(mesh, 'pilot'),
  })),
  {
    name: "galley's identity with pilot's certificate",
    describe: 'a compromised pilot claims to be galley: it is pilot, and may not publish',
    shapes,
    run: async (mesh) => {
      const connection = await connectNats(mesh, {
        ...(await service(mesh, 'pilot')),
        user: 'spiffe://cluster.local/ns/istio-system/sa/galley',
      });
      expect('a refusal', 'an answer', (await publish(connection, logSubject('default', 'x'))) === undefined);
    },
  },
]);

/**
 * Asks JetStream's API; resolves with the answer, or with undefined when there is none, as for a subject that is not
 * allowed.
 */
async function api(
  connection: NatsConnection,
  subject: string,
  body: object = {},
): Promise<{ error?: { description: string } } | undefined> {
  const reply = await connection
    .request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 1500 })
    .catch(() => undefined);
  return reply?.json();
}
const forbidden = (
  name: string,
  attempt: (connection: NatsConnection, mesh: Mesh) => Promise<unknown>,
  more: Partial<Row> = {},
): Row => ({
  name,
  describe: 'a compromised pilot tries what only galley may do: nothing happens',
  shapes,
  run: async (mesh) => {
    const connection = await connectNats(mesh, await service(mesh, 'pilot'));
    const result = await attempt(connection, mesh);
    mesh.answered(JSON.stringify(result ?? null));
    const isRefused =
      result === undefined ||
      (typeof result === 'object' && result !== null && 'error' in result && result.error !== undefined);
    expect('a refusal', result, isRefused);
  },
  ...more,
});
const publish = async (connection: NatsConnection, subject: string): Promise<unknown> =>
  (await connection.request(subject, 'x', { timeout: 1500 }).catch(() => undefined))?.json();

/** What a reader can do to the bus. */
export const readers = table({ service: 'nats', kind: 'nats-readers' }, [
  forbidden('publishes on the log', (connection) => publish(connection, logSubject('default', 'x')), { form: 'short' }),
  forbidden('deletes the stream', (connection) => api(connection, `STREAM.DELETE.${stream}`)),
  forbidden('purges the stream', (connection) => api(connection, `STREAM.PURGE.${stream}`), { form: 'short' }),
  forbidden('changes the stream', (connection) =>
    api(connection, `STREAM.UPDATE.${stream}`, { name: stream, subjects: ['>'], max_msgs: 1 }),
  ),
  forbidden('creates a stream that takes everything', (connection) =>
    api(connection, 'STREAM.CREATE.thief', { name: 'thief', subjects: ['flotilla.>'] }),
  ),
  forbidden('deletes a message', (connection) => api(connection, `STREAM.MSG.DELETE.${stream}`, { seq: 1 })),
  forbidden('takes a snapshot', (connection) =>
    api(connection, `STREAM.SNAPSHOT.${stream}`, { deliver_subject: '_INBOX_pilot.x' }),
  ),
  forbidden('reads the account', (connection) => api(connection, 'ACCOUNT.PURGE')),
  forbidden('sends requests to the system account', async (connection) =>
    (await connection.request('$SYS.REQ.SERVER.PING.VARZ', '{}', { timeout: 1500 }).catch(() => undefined))?.json(),
  ),
  {
    name: 'subscribes to the inboxes of others',
    describe: 'subscriptions to messages for others: refused',
    shapes,
    run: async (mesh) => {
      const connection = await connectNats(mesh, await service(mesh, 'pilot'));
      for (const subject of ['>', '_INBOX_galley.>', '_INBOX_sidecar-injector.>', '$SYS.>', '$JS.>']) {
        let failed: unknown;
        const subscription = connection.subscribe(subject, {
          callback: (error) => void (failed ??= error ?? undefined),
        });
        await connection.flush().catch((error: unknown) => (failed ??= error));
        await pause(100);
        subscription.unsubscribe();
        expect(`no subscription to ${subject}`, 'one', failed !== undefined);
      }
    },
  },
  {
    // ddf8edd: any delivery subject would do.
    name: 'has the log delivered to others',
    describe: 'a consumer that delivers to the inbox of another user: refused',
    shapes,
    form: 'short',
    run: async (mesh) => {
      const [reader, other] = [
        await connectNats(mesh, await service(mesh, 'pilot')),
        await connectNats(mesh, await service(mesh, 'sidecar-injector')),
      ];
      const received: string[] = [];
      other.subscribe('_INBOX_sidecar-injector.victim', { callback: (_, { subject }) => void received.push(subject) });
      await other.flush();
      for (const subject of [
        `CONSUMER.CREATE.${stream}.thief`,
        `CONSUMER.CREATE.${stream}`,
        `CONSUMER.DURABLE.CREATE.${stream}.thief`,
      ]) {
        await api(reader, subject, {
          stream_name: stream,
          config: {
            name: 'thief',
            deliver_subject: '_INBOX_sidecar-injector.victim',
            deliver_policy: 'all',
            ack_policy: 'none',
          },
          action: 'create',
        });
      }
      await pause(1000);
      expect("nothing in somebody else's inbox", `${received.length} messages`, received.length === 0);
    },
  },
  {
    // ddf8edd: consumers without limit.
    name: 'creates 3,000 consumers',
    describe: 'as many consumers as possible: the number is bounded, the mesh is served',
    shapes,
    form: 'short',
    deadlineMs: 60_000,
    run: async (mesh) => {
      const connection = await connectNats(mesh, await service(mesh, 'pilot'));
      let made = 0;
      for (let i = 0; i < 3000; i += 100) {
        const answers = await Promise.all(
          Array.from({ length: 100 }, (_, j) =>
            api(connection, `CONSUMER.CREATE.${stream}.greedy-${i + j}`, {
              stream_name: stream,
              config: { name: `greedy-${i + j}`, deliver_policy: 'all', ack_policy: 'none' },
              action: 'create',
            }),
          ),
        );
        made += answers.filter((answer) => answer !== undefined && !answer.error).length;
        if (made < i / 2) break;
      }
      mesh.onClose(() =>
        Promise.all(Array.from({ length: made }, (_, i) => api(connection, `CONSUMER.DELETE.${stream}.greedy-${i}`))),
      );
      expect('at most 500 consumers', made, made <= 500);
    },
  },
  {
    name: 'deletes the consumers of others',
    describe: 'a compromised pilot deletes all consumers: sidecar-injector and galley keep working',
    shapes,
    run: async (mesh) => {
      const connection = await connectNats(mesh, await service(mesh, 'pilot'));
      const listed = (await api(connection, `CONSUMER.NAMES.${stream}`)) as
        { consumers?: readonly string[] } | undefined;
      for (const name of listed?.consumers ?? []) await api(connection, `CONSUMER.DELETE.${stream}.${name}`);
    },
  },
  {
    name: 'reads nothing',
    describe: 'a reader that subscribes and reads nothing: other clients are served',
    shapes,
    run: async (mesh) => {
      const connections = await many(20, async () => connectNats(mesh, await service(mesh, 'sidecar-injector')), 5);
      for (const connection of connections) connection.subscribe('_INBOX_sidecar-injector.>', { callback: () => {} });
      await pause(2000);
    },
  },
  {
    // ddf8edd: /connz listed users and addresses.
    name: "reads nats-server's monitoring port",
    describe: 'the monitoring port shows users and addresses: it is closed, or names no user',
    shapes,
    form: 'short',
    run: async (mesh) => {
      for (const path of [
        '/connz?auth=1',
        '/varz',
        '/subsz?subs=1',
        '/jsz?config=1&accounts=1&streams=1&consumers=1',
        '/routez',
        '/accountz',
      ]) {
        const text = await fetch(`http://${mesh.program('nats').address}:8222${path}`, {
          signal: AbortSignal.timeout(3000),
        }).then(
          (answer) => (answer.ok ? answer.text() : ''),
          () => '',
        );
        expect(`no user at ${path}`, text, !/galley|flotilla-default|_INBOX/.test(text));
      }
    },
  },
]);
