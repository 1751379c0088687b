import { constants } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { names, serve } from './ads-server.fixture.ts';

describe('limits of a stream', () => {
  it.each([
    [
      'xds_request_bytes',
      status.RESOURCE_EXHAUSTED,
      { resourceNames: names(400, 'a-long-name-of-something') },
      /the request has \d+ bytes, more than 10000: ask for less, or raise pilot's --xds-request-bytes/,
    ],
    [
      'xds_node_bytes',
      status.RESOURCE_EXHAUSTED,
      { node: { id: 'x'.repeat(1000) } },
      /the node has 1003 bytes, more than 1000: .*--xds-node-bytes/,
    ],
    [
      'xds_name_bytes',
      status.RESOURCE_EXHAUSTED,
      { resourceNames: names(1, 'x'.repeat(100)) },
      /a name has 102 bytes, more than 100: .*--xds-name-bytes/,
    ],
    [
      'xds_names_per_type',
      status.RESOURCE_EXHAUSTED,
      { resourceNames: names(51) },
      /more than 50 names in one request: .*--xds-names-per-type/,
    ],
  ] as const)('%s ends it with a status, a remedy and a count', async (...[kind, code, fields, message]) => {
    const { open, hits, sessions } = await serve();
    const { ask, ended } = open();
    ask(fields);
    expect(await ended).toMatchObject({ code, details: expect.stringMatching(message) });
    expect([hits, sessions]).toEqual([[kind], []]);
  });

  it('apply to all its requests together', async () => {
    const { open, hits } = await serve();
    const [perType, all] = [open('Delta'), open('Delta')];
    perType.askDelta({ resourceNamesSubscribe: names(50) });
    perType.askDelta({ resourceNamesSubscribe: ['one-more'] });
    expect(await perType.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: "more than 50 names of eds on one stream: ask for less, or raise pilot's --xds-names-per-type",
    });
    all.askDelta({ resourceNamesSubscribe: names(50) });
    all.askDelta({ typeUrl: 'rds', resourceNamesSubscribe: names(11) });
    expect(await all.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('more than 60 names of all types on one stream'),
    });
    expect(hits).toEqual(['xds_names_per_type', 'xds_names']);
  });

  it('leave what is not a request, or not a node that is served, to a status of its own', async () => {
    const { open, hits, logged } = await serve();
    const [malformed, nonsense, nobody] = [open(), open(), open()];
    malformed.stream.write(Buffer.from([0x22, 200]));
    nonsense.ask({ node: { id: 'nonsense' } });
    nobody.ask({ node: { id: 'nobody' } });
    expect(await malformed.ended).toMatchObject({
      code: status.INTERNAL,
      details: expect.stringContaining('not a protobuf message'),
    });
    expect(await nonsense.ended).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'not a node' });
    expect(await nobody.ended).toMatchObject({ code: status.PERMISSION_DENIED, details: 'not you' });
    expect([hits, logged]).toEqual([[], ['stream refused', 'stream refused', 'stream refused']]);
  });
});

describe('limits of streams', () => {
  it.each([
    ['xds_streams', { xdsStreams: 2 }],
    ['xds_streams_per_identity', { xdsStreamsPerIdentity: 2 }],
  ] as const)('%s refuses one more, until one has ended', async (...[kind, changed]) => {
    const { open, hits } = await serve(changed);
    const [first, second] = [open(), open()];
    for (const { read, ask, next } of [first, second]) {
      read();
      ask({ resourceNames: ['a'] });
      await next();
    }
    expect(await open().ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining(`--${kind.replaceAll('_', '-')}`),
    });
    expect(hits).toEqual([kind]);
    first.stream.end();
    for (let answered = false; !answered;) {
      const later = open();
      later.read();
      later.ask({ resourceNames: ['a'] });
      answered = (await later.next()) !== undefined;
    }
  });
});

describe('names of all streams together', () => {
  it.each([
    ['xds_names_per_identity', { xdsNamesPerIdentity: 70 }, 'too many names on all streams of 127.0.0.1'],
    ['xds_total_names', { xdsTotalNames: 70 }, 'too many names on all streams of this pilot'],
  ] as const)(
    '%s ends the stream that exceeds them, until others let theirs go',
    async (...[kind, changed, message]) => {
      const { open, hits } = await serve(changed);
      const first = open('Delta');
      first.read();
      first.askDelta({ resourceNamesSubscribe: names(40) });
      await first.next();
      const more = open('Delta');
      more.askDelta({ resourceNamesSubscribe: names(40) });
      expect(await more.ended).toMatchObject({
        code: status.RESOURCE_EXHAUSTED,
        details: expect.stringContaining(`${message}: ask for less, or raise pilot's --${kind.replaceAll('_', '-')}`),
      });
      expect(hits).toEqual([kind]);
      first.askDelta({ resourceNamesUnsubscribe: names(20) });
      first.askDelta({ typeUrl: 'rds', resourceNamesSubscribe: ['a'] });
      await first.next();
      const last = open('Delta');
      last.read();
      last.askDelta({ resourceNamesSubscribe: names(40) });
      expect((await last.next()).resources).toHaveLength(40);
    },
  );
});

it.each([
  ['xds_queued_bytes_per_identity', { xdsQueuedBytesPerIdentity: 500 }, 'on all streams of 127.0.0.1'],
  ['xds_total_queued_bytes', { xdsTotalQueuedBytes: 500 }, 'on all streams of this pilot'],
] as const)(
  'requests that wait end the stream that exceeds %s, before they are read',
  async (kind, changed, message) => {
    const { open, hits, sessions } = await serve(changed);
    const large = open();
    large.ask({ node: { id: 'x', cluster: '0'.repeat(600) }, resourceNames: ['a'] });
    expect(await large.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: `too many bytes of requests that wait ${message}: ask for less, or raise pilot's --${kind.replaceAll('_', '-')}`,
    });
    expect([hits, sessions.length]).toEqual([[kind], 0]);
    const small = open();
    small.read();
    small.ask({ node: { id: 'x' }, resourceNames: ['a'] });
    expect(await small.next()).toBeDefined();
  },
);

describe('bytes of all nodes together', () => {
  it.each([
    ['xds_node_bytes_per_identity', { xdsNodeBytesPerIdentity: 700 }, 'on all streams of 127.0.0.1'],
    ['xds_total_node_bytes', { xdsTotalNodeBytes: 700 }, 'on all streams of this pilot'],
  ] as const)('%s ends the stream that exceeds them, until others are closed', async (...[kind, changed, message]) => {
    const { open, hits, sessions, happened } = await serve(changed);
    const node = { id: 'x', cluster: '400' };
    const first = open();
    first.read();
    first.ask({ node, resourceNames: ['a'] });
    await first.next();
    const more = open();
    more.ask({ node, resourceNames: ['a'] });
    expect(await more.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: `too many bytes of nodes ${message}: ask for less, or raise pilot's --${kind.replaceAll('_', '-')}`,
    });
    expect([hits, sessions.length]).toEqual([[kind], 1]);
    first.stream.end();
    while ((await happened.next()).value !== 'closed');
    const last = open();
    last.read();
    last.ask({ node, resourceNames: ['a'] });
    expect(await last.next()).toBeDefined();
  });

  it('count before a node is decoded', async () => {
    const { open, hits, sessions } = await serve({ xdsNodeBytesPerIdentity: 700 });
    const large = open();
    large.ask({ node: { id: 'x', cluster: '0'.repeat(400) }, resourceNames: ['a'] });
    expect(await large.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect([hits, sessions.length]).toEqual([['xds_node_bytes_per_identity'], 0]);
  });
});

describe('a client that takes nothing', () => {
  it('is ended after a while with all that waits for it; others are served meanwhile', async () => {
    const { open, openStuck, hits, clock, change, happened, sessions, logged } = await serve();
    const stuck = openStuck();
    stuck.subscribe('a');
    while ((await happened.next()).value !== 'send');
    change();
    const other = open();
    other.read();
    other.ask({ resourceNames: ['b'] });
    expect((await other.next()).resources).toHaveLength(1);
    expect([sessions.length, hits]).toEqual([2, []]);
    clock.advance(60_000);
    expect([sessions.length, hits, logged]).toEqual([1, ['xds_write_timeout'], ['stream refused']]);
    expect(await stuck.closed).toBe(constants.NGHTTP2_CANCEL);
    change();
    expect((await other.next()).resources).toHaveLength(1);
  });

  it('has its requests left with it, and answered when it reads', async () => {
    const { openStuck, happened } = await serve({ size: 2 << 20 });
    const slow = openStuck();
    const [first = '', ...others] = names(15);
    slow.subscribe(first);
    while ((await happened.next()).value !== 'send');
    for (const name of others) slow.subscribe(name);
    // One response is more than may wait: the requests after it are not attended to.
    expect((await happened.next()).value).toBe('xds_queued_requests');
    expect(happened.size).toBe(0);
    slow.take();
    for (let sent = 0; sent < others.length;) if ((await happened.next()).value === 'send') sent += 1;
  });
});
