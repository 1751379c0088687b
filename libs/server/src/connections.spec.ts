import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable, type Connected, type Connection, type Framing } from './connections.ts';
import { defaultLimits, type ConnectionLimits } from './limits.ts';

interface FakeSocket extends Connected {
  bytesRead: number;
  isOpen: boolean;
}
const fakeSocket = (): FakeSocket => ({
  bytesRead: 0,
  isOpen: true,
  destroy() {
    this.isOpen = false;
  },
});

function rig(limits: Partial<ConnectionLimits>, framing: Framing = 'sequential') {
  const hits: string[] = [];
  const table = new ConnectionTable({
    limits: { ...defaultLimits, ...limits },
    framing,
    onLimit: (kind) => hits.push(kind),
  });
  const open = (phase: 'handshake' | 'header' = 'header'): { socket: FakeSocket; connection: Connection } => {
    const socket = fakeSocket();
    const connection = table.admit(socket, phase);
    if (!connection) throw new Error('it was refused');
    return { socket, connection };
  };
  return { table, hits, open };
}

describe('at the limit of connections, a new one', () => {
  it('closes the one that has been idle longest, a request half sent or a handshake included', () => {
    const { open, hits } = rig({ maxConnections: 3 });
    const [first, second, third] = [open('handshake'), open(), open()];
    second.connection.began(true);
    open();
    expect([first, second, third].map(({ socket }) => socket.isOpen)).toEqual([false, true, true]);
    open();
    expect([second, third].map(({ socket }) => socket.isOpen)).toEqual([true, false]);
    expect(hits).toEqual(['evicted_connections', 'evicted_connections']);
  });
  it('is refused while all are being served', () => {
    const { table, open, hits } = rig({ maxConnections: 2 });
    const served = [open(), open()];
    for (const { connection } of served) connection.began();
    const socket = fakeSocket();
    expect(table.admit(socket, 'header')).toBeUndefined();
    expect([socket.isOpen, ...served.map((each) => each.socket.isOpen)]).toEqual([false, true, true]);
    expect(hits).toEqual(['connections']);
  });
  it('closes one with a certificate only when few without are left', () => {
    const { open } = rig({ maxConnections: 16 });
    const certified = Array.from({ length: 13 }, () => open('handshake'));
    for (const { connection } of certified) connection.secured(true);
    const anonymous = Array.from({ length: 3 }, () => open('handshake'));
    open();
    expect(anonymous.map(({ socket }) => socket.isOpen)).toEqual([false, true, true]);
    anonymous[1]?.socket.destroy();
    anonymous[1]?.connection.began();
    open();
    expect(certified.filter(({ socket }) => !socket.isOpen)).toEqual([certified[0]]);
  });
  it('never exceeds the limit nor closes one that is served, whatever happens', () => {
    const event = fc.record({
      what: fc.constantFrom(
        'open',
        'handshake',
        'secure',
        'certify',
        'begin',
        'body',
        'receive',
        'end',
        'close',
        'time',
      ),
      which: fc.nat(20),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 200 }),
        fc.constantFrom<Framing>('sequential', 'multiplexed'),
        (events, framing) => {
          const { table } = rig({ maxConnections: 5, maxHandshakes: 3, responseTimeout: Infinity }, framing);
          let open: { socket: FakeSocket; connection: Connection }[] = [];
          for (const { what, which } of events) {
            const serving = open.filter(({ connection }) => connection.phase === 'serving');
            const chosen = open[which % Math.max(open.length, 1)]?.connection;
            if (what === 'open' || what === 'handshake') {
              const socket = fakeSocket();
              const connection = table.admit(socket, what === 'open' ? 'header' : 'handshake');
              if (connection) open.push({ socket, connection });
              expect(serving.every((each) => each.socket.isOpen)).toBe(true);
            } else if (what === 'time') {
              table.advance(1000);
              expect(serving.every((each) => each.socket.isOpen)).toBe(true);
            } else if (chosen && what === 'close') table.remove(chosen);
            else if (chosen?.phase === 'handshake') chosen.secured(what === 'certify');
            else if (chosen && (what === 'begin' || what === 'body')) chosen.began(what === 'body');
            else if (chosen && what === 'receive') chosen.received();
            else if (chosen && what === 'end' && chosen.requests > 0) chosen.ended();
            if (what === 'close') open = open.filter(({ connection }) => connection !== chosen);
            open = open.filter(({ socket }) => socket.isOpen);
            expect(table.size).toBe(open.length);
            expect(table.size).toBeLessThanOrEqual(5);
          }
        },
      ),
    );
  });
});

it('a handshake too many closes the oldest of them', () => {
  const { open, hits } = rig({ maxHandshakes: 2 });
  const [secured, oldest] = [open('handshake'), open('handshake')];
  secured.connection.secured(false);
  open('handshake');
  open('handshake');
  expect([secured.socket.isOpen, oldest.socket.isOpen, hits]).toEqual([true, false, ['handshakes']]);
});

describe('time ends', () => {
  const limits = { handshakeTimeout: 5000, requestTimeout: 4000, responseTimeout: 6000, idleTimeout: 8000 };
  const steps = {
    secured: (connection: Connection) => connection.secured(false),
    began: (connection: Connection) => connection.began(true),
    received: (connection: Connection) => connection.received(),
    ended: (connection: Connection) => connection.ended(),
  };
  it.each<{ what: string; after: (keyof typeof steps)[]; ms: number; kind: string }>([
    { what: 'a handshake', after: [], ms: 5000, kind: 'handshake_timeout' },
    { what: 'a header', after: ['secured'], ms: 4000, kind: 'header_timeout' },
    { what: 'a body', after: ['secured', 'began'], ms: 4000, kind: 'body_timeout' },
    { what: 'an answer', after: ['secured', 'began', 'received'], ms: 6000, kind: 'response_timeout' },
    { what: 'idleness', after: ['secured', 'began', 'received', 'ended'], ms: 8000, kind: 'idle_timeout' },
    {
      what: 'a body whose request is answered already',
      after: ['secured', 'began', 'ended'],
      ms: 4000,
      kind: 'body_timeout',
    },
  ])('$what', ({ after, ms, kind }) => {
    const { table, open, hits } = rig(limits);
    const { socket, connection } = open('handshake');
    for (const step of after) steps[step](connection);
    table.advance(ms);
    expect(socket.isOpen).toBe(true);
    table.advance(1);
    expect([socket.isOpen, hits]).toEqual([false, [kind]]);
  });
  it('a request that has begun on an idle connection, however slowly it comes', () => {
    const { table, open, hits } = rig(limits);
    const { socket, connection } = open();
    connection.began();
    connection.ended();
    for (let second = 0; second < 6; second++) {
      socket.bytesRead += 1;
      table.advance(1000);
    }
    expect([socket.isOpen, hits]).toEqual([false, ['header_timeout']]);
  });
  it('no stream of HTTP/2, and no idleness because of PINGs', () => {
    const { table, open } = rig(limits, 'multiplexed');
    const [streaming, idle] = [open(), open()];
    for (const { connection } of [streaming, idle]) connection.began();
    idle.connection.ended();
    table.advance(7000);
    idle.socket.bytesRead += 17;
    table.advance(1000);
    expect(idle.socket.isOpen).toBe(true);
    table.advance(1_000_000);
    expect([streaming.socket.isOpen, idle.socket.isOpen]).toEqual([true, false]);
  });
});

it('requests beyond what may be pipelined end their connection', () => {
  const { open, hits } = rig({});
  const { socket, connection } = open();
  for (let i = 0; i < 17; i++) connection.beganInSequence(false);
  expect([socket.isOpen, hits]).toEqual([false, ['pipelined_requests']]);
});
