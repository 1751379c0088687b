import { headers, PermissionViolationError, type NatsConnection } from '@nats-io/nats-core';
import { connect, type TlsOptions } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Batch, Bus } from '@flotilla/bus-port';
import { testResource } from '@flotilla/testing';
import { startNats } from './testing/nats-server.ts';

const stream = 'flotilla-default';
const api = '$JS.API';
let server: Awaited<ReturnType<typeof startNats>>;
let galley: Bus;
const connections: NatsConnection[] = [];
const state = (version: number): Batch => ({
  session: 's',
  seq: version,
  put: [{ resource: testResource('a', `v${version}`) }],
  delete: [],
  complete: ['service-entries'],
});

beforeAll(async () => {
  server = await startNats();
  galley = await server.open('galley');
  await galley.publish(state(1));
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await galley.close();
  await server.end();
});

/** A client that does what it likes, with whatever certificate. */
async function connectAs(
  tls: TlsOptions = { ca: server.ca },
  more: { readonly user?: string; readonly pass?: string; readonly inboxPrefix?: string } = {},
): Promise<NatsConnection> {
  const connection = await connect({ servers: `localhost:${server.port}`, tls, reconnect: false, ...more });
  connections.push(connection);
  return connection;
}
const service = (name: string): Promise<NatsConnection> =>
  connectAs(server.tlsOf(server.serviceOf(name)), { inboxPrefix: `_INBOX_${name}` });

/** The first thing that the server refuses after `act`: `publish SUBJECT` or `subscription SUBJECT`. */
async function refusal(connection: NatsConnection, act: () => void): Promise<string> {
  const events = connection.status()[Symbol.asyncIterator]();
  act();
  for (let event = await events.next(); !event.done; event = await events.next()) {
    if (event.value.type === 'error' && event.value.error instanceof PermissionViolationError) {
      await events.return?.();
      return `${event.value.error.operation} ${event.value.error.subject}`;
    }
  }
  return 'the connection was closed';
}

const consumers = [
  `CREATE.${stream}`,
  `CREATE.${stream}.mine`,
  `CREATE.${stream}.mine.flotilla.default.log.x`,
  `DURABLE.CREATE.${stream}.mine`,
  `DELETE.${stream}.mine`,
  `INFO.${stream}.mine`,
  `LIST.${stream}`,
  `NAMES.${stream}`,
  `MSG.NEXT.${stream}.mine`,
  `PAUSE.${stream}.mine`,
  `LEADER.STEPDOWN.${stream}.mine`,
].map((verb) => `${api}.CONSUMER.${verb}`);
const foreign = [
  `${api}.STREAM.CREATE.mine`,
  `${api}.STREAM.UPDATE.mine`,
  `${api}.STREAM.DELETE.mine`,
  `${api}.STREAM.PURGE.mine`,
  `${api}.STREAM.INFO.mine`,
];
const common = [
  ...consumers,
  ...foreign,
  `${api}.INFO`,
  `${api}.STREAM.LIST`,
  `${api}.STREAM.NAMES`,
  `${api}.STREAM.DELETE.${stream}`,
  `${api}.STREAM.MSG.DELETE.${stream}`,
  `${api}.STREAM.SNAPSHOT.${stream}`,
  `${api}.STREAM.RESTORE.${stream}`,
  `${api}.DIRECT.GET.mine`,
  `$JS.ACK.${stream}.mine.1.1.1.1.1`,
  '$JS.FC.mine',
  '$SYS.REQ.SERVER.PING',
  '$SYS.REQ.ACCOUNT.FLOTILLA.CONNZ',
  '$SYS.REQ.USER.INFO',
  'flotilla.default.feed',
  'flotilla.other.log.x',
  'flotilla.other.report.pilot',
  'flotilla.default.report',
  'flotilla.default.report.sidecar-injector',
  'anything',
  '_INBOX.x',
  '_INBOX_sidecar-injector.x',
];
const reading = [
  `${api}.STREAM.INFO.${stream}`,
  `${api}.STREAM.CREATE.${stream}`,
  `${api}.STREAM.UPDATE.${stream}`,
  `${api}.STREAM.PURGE.${stream}`,
  `${api}.STREAM.MSG.GET.${stream}`,
  'flotilla.default.log.x',
  'flotilla.default.log',
  'flotilla.default.writer.x',
  '_INBOX_galley.x',
  '_INBOX_pilot.x',
];
const hearing = [
  '>',
  '*',
  '*.>',
  '$JS.>',
  `${api}.>`,
  '$JS.EVENT.ADVISORY.>',
  '$SYS.>',
  '$SYS.ACCOUNT.*.CONNECT',
  '_INBOX.>',
  '_INBOX_sidecar-injector.>',
  '_R_.>',
];

describe('what nats-server refuses', () => {
  it.each([...common, ...reading])('a subscriber may not publish to %s', async (subject) => {
    const pilot = await service('pilot');
    expect(await refusal(pilot, () => pilot.publish(subject, '{}', { reply: '_INBOX_pilot.x' }))).toBe(
      `publish ${subject}`,
    );
  });
  it.each(common)('a publisher may not publish to %s', async (subject) => {
    const client = await service('galley');
    expect(await refusal(client, () => client.publish(subject, '{}', { reply: '_INBOX_galley.x' }))).toBe(
      `publish ${subject}`,
    );
  });
  const ofGalley = [
    'flotilla.>',
    'flotilla.default.log.*',
    'flotilla.default.writer.*',
    'flotilla.default.report.*',
    'flotilla.default.report.>',
    'flotilla.default.report.pilot',
    '_INBOX_galley.>',
  ];
  it('a subscriber that does not report may not publish a report, nor hear those of others', async () => {
    const injector = await service('sidecar-injector');
    for (const subject of ['flotilla.default.report.sidecar-injector', 'flotilla.default.report.pilot'])
      expect(await refusal(injector, () => injector.publish(subject, '{}'))).toBe(`publish ${subject}`);
    for (const subject of ['flotilla.default.report.*', 'flotilla.default.report.pilot'])
      expect(await refusal(injector, () => void injector.subscribe(subject, { callback: () => {} }))).toBe(
        `subscription ${subject}`,
      );
  });
  it('galley may hear reports and publish none', async () => {
    const client = await service('galley');
    expect(await refusal(client, () => client.publish('flotilla.default.report.pilot'))).toBe(
      'publish flotilla.default.report.pilot',
    );
  });
  it('a report is not in the log', async () => {
    const [pilot, client] = await Promise.all([service('pilot'), service('galley')]);
    galley.onReport(() => Buffer.from('taken'));
    const answer = await pilot.request('flotilla.default.report.pilot', 'report');
    expect(answer.string()).toBe('taken');
    const info = await client.request(`${api}.STREAM.INFO.${stream}`);
    expect((info.json() as { state: { last_seq: number } }).state.last_seq).toBe(1);
  });
  it.each([...hearing, ...ofGalley])('a subscriber may not subscribe to %s', async (subject) => {
    const pilot = await service('pilot');
    expect(await refusal(pilot, () => void pilot.subscribe(subject, { callback: () => {} }))).toBe(
      `subscription ${subject}`,
    );
  });
  it.each([...hearing, '_INBOX_pilot.>', 'flotilla.default.log.*'])(
    'a publisher may not subscribe to %s',
    async (subject) => {
      const client = await service('galley');
      expect(await refusal(client, () => void client.subscribe(subject, { callback: () => {} }))).toBe(
        `subscription ${subject}`,
      );
    },
  );

  it('what a subscriber asks for reaches nobody else, whatever subject it names for the answer', async () => {
    const [pilot, other, another] = await Promise.all([
      service('pilot'),
      service('sidecar-injector'),
      service('galley'),
    ]);
    const heard: string[] = [];
    const listen = (client: NatsConnection, subject: string): void =>
      void client.subscribe(subject, { callback: (_, message) => void heard.push(message.subject) });
    listen(other, '_INBOX_sidecar-injector.>');
    listen(another, '_INBOX_galley.>');
    listen(another, 'flotilla.default.writer.*');
    await Promise.all([other.flush(), another.flush()]);
    const replies = [
      '_INBOX_sidecar-injector.x',
      '_INBOX_galley.x',
      'flotilla.default.log.x',
      'flotilla.default.writer.x',
      `${api}.STREAM.PURGE.${stream}`,
    ];
    for (const reply of replies) {
      pilot.publish(`${api}.DIRECT.GET.${stream}`, JSON.stringify({ seq: 1, batch: 10 }), { reply });
      const traced = headers();
      traced.set('Nats-Trace-Dest', reply);
      pilot.publish(`${api}.DIRECT.GET.${stream}`, JSON.stringify({ seq: 1 }), {
        reply: '_INBOX_pilot.x',
        headers: traced,
      });
    }
    // Its own answer comes after those of before: the server works in order.
    const answer = await pilot.request(`${api}.DIRECT.GET.${stream}`, JSON.stringify({ seq: 1 }));
    expect(answer.headers?.get('Nats-Sequence')).toBe('1');
    await Promise.all([other.flush(), another.flush()]);
    expect(heard).toEqual([]);
    const info = await another.request(`${api}.STREAM.INFO.${stream}`);
    expect((info.json() as { state: { last_seq: number } }).state.last_seq).toBe(1);
  });

  it.each([
    ['a workload', () => server.tlsOf('spiffe://cluster.local/ns/shop/sa/pilot')],
    [
      'a workload in the system namespace',
      () => server.tlsOf('spiffe://cluster.local/ns/istio-system/sa/ingressgateway'),
    ],
    ['citadel, which is not a user', () => server.tlsOf(server.serviceOf('citadel'))],
    ['another trust domain', () => server.tlsOf('spiffe://elsewhere/ns/istio-system/sa/galley')],
    ['a DNS name like a user', () => ({ ca: server.ca, ...server.sign({ dns: ['galley', 'pilot'] }) })],
  ])('lets nobody in with the certificate of %s, with any user and password', async (_, tls) => {
    await expect(connectAs(tls())).rejects.toThrow(/Authorization Violation/);
    const users = ['galley', server.serviceOf('galley')];
    for (const user of users)
      await expect(connectAs(tls(), { user, pass: '' })).rejects.toThrow(/Authorization Violation/);
  });
  it('lets nobody in without a certificate', async () => {
    await expect(connectAs(undefined)).rejects.toThrow();
    await expect(connectAs(undefined, { user: server.serviceOf('galley'), pass: '' })).rejects.toThrow();
  });
  it('a user is who its certificate says, whatever user it names', async () => {
    const pilot = await connectAs(server.tlsOf(server.serviceOf('pilot')), {
      user: server.serviceOf('galley'),
      pass: '',
    });
    expect(await refusal(pilot, () => pilot.publish('flotilla.default.log.x'))).toBe('publish flotilla.default.log.x');
  });

  it('a client has a limited number of subscriptions, and of bytes in a message', async () => {
    const pilot = await service('pilot');
    const events = pilot.status()[Symbol.asyncIterator]();
    for (let i = 0; i < 100; i += 1) pilot.subscribe(`_INBOX_pilot.${i}`, { callback: () => {} });
    let said = '';
    while (!said.includes('maximum subscriptions')) {
      const event = await events.next();
      if (event.done) break;
      if (event.value.type === 'error') said += String(event.value.error);
    }
    expect(said).toContain('maximum subscriptions exceeded');
    expect(pilot.info?.max_payload).toBe(1024 * 1024);
  });
  it('none of this disturbs the bus', async () => {
    const pilot = await server.open('pilot');
    const reader = pilot.subscribe(['service-entries'], new AbortController().signal)[Symbol.asyncIterator]();
    await reader.next();
    await galley.publish(state(2));
    expect(((await reader.next()).value as Batch).put.length).toBe(1);
    await pilot.close();
  });
});
