import type { ConnectionLimits, LimitKind } from './limits.ts';

/**
 *   handshake ──▶ header ──▶ body ──▶ serving ──▶ idle
 *                   ▲                                │
 *                   └──────── the next request ──────┘
 *
 * A connection without TLS begins in `header`, a request without a body is `serving` at once.
 */
export type Phase = 'handshake' | 'header' | 'body' | 'serving' | 'idle';

/** HTTP/2 multiplexes requests, and carries bytes (PING, SETTINGS) that belong to none. */
export type Framing = 'sequential' | 'multiplexed';

/** Which connections are closed. */
export type Closing = 'handshakes' | 'idle' | 'all';

/** What is held of a connection: of a socket, only how much it has read and how to end it. */
export interface Connected {
  readonly bytesRead: number;
  destroy(): unknown;
}

/**
 * Requests that may follow one another without waiting for the answer to the first. Clients that pipeline at all send a
 * few.
 */
const maxPipelined = 16;

/** One connection, as its protocol reports it. */
export class Connection {
  phase: Phase;
  /** When the phase began. */
  since = 0;
  /** Whether the client has proved a certificate. */
  certified = false;
  /** Requests that are not answered yet. */
  requests = 0;
  /** What the socket had read when it became idle. */
  readBefore = 0;
  readonly socket: Connected;
  readonly #table: ConnectionTable;

  constructor(socket: Connected, phase: Phase, table: ConnectionTable) {
    this.socket = socket;
    this.phase = phase;
    this.#table = table;
  }

  /** The handshake is complete. Returns false when the connection was closed meanwhile. */
  secured(certified: boolean): boolean {
    this.certified = certified;
    return this.#table.move(this, 'header');
  }

  /** A request's header is complete, and its body still to come or not. */
  began(hasBody = false): void {
    this.requests += 1;
    this.#table.move(this, hasBody ? 'body' : 'serving');
  }

  /** As `began`, where one request follows the other. Returns false when too many do, and the connection is cut. */
  beganInSequence(hasBody: boolean): boolean {
    this.began(hasBody);
    if (this.requests <= maxPipelined) return true;
    this.#table.cut(this, 'pipelined_requests');
    return false;
  }

  /** The request's body is complete. */
  received(): void {
    if (this.phase === 'body') this.#table.move(this, this.requests > 0 ? 'serving' : 'idle');
  }

  /** A request is answered, or has failed; its body may still be coming. */
  ended(): void {
    this.requests -= 1;
    if (this.requests === 0 && this.phase === 'serving') this.#table.move(this, 'idle');
  }
}

const timeoutKinds: Readonly<Record<Phase, LimitKind>> = {
  handshake: 'handshake_timeout',
  header: 'header_timeout',
  body: 'body_timeout',
  serving: 'response_timeout',
  idle: 'idle_timeout',
};

export interface TableOptions {
  readonly limits: ConnectionLimits;
  readonly framing: Framing;
  onLimit(kind: LimitKind): void;
}

/** The connections of one server within its limits. Time passes by `advance` alone. */
export class ConnectionTable {
  readonly #options: TableOptions;
  readonly #all = new Set<Connection>();
  readonly #handshaking = new Set<Connection>();
  /**
   * Those that serve nothing and so may be closed for new ones, by whether they have proved a certificate; the longest
   * idle first.
   */
  readonly #evictable = { anonymous: new Set<Connection>(), certified: new Set<Connection>() };
  #now = 0;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /**
   * Takes in a new connection, at the cost of another where there must be; undefined when it is refused, and then
   * closed.
   */
  admit(socket: Connected, phase: 'handshake' | 'header'): Connection | undefined {
    const { maxConnections, maxHandshakes } = this.#options.limits;
    const [oldest] = this.#handshaking;
    if (phase === 'handshake' && oldest && this.#handshaking.size >= maxHandshakes) this.cut(oldest, 'handshakes');
    if (this.#all.size >= maxConnections) {
      const victim = this.#longestIdle();
      if (!victim) {
        socket.destroy();
        this.#options.onLimit('connections');
        return undefined;
      }
      this.cut(victim, 'evicted_connections');
    }
    const connection = new Connection(socket, phase, this);
    this.#all.add(connection);
    this.move(connection, phase);
    return connection;
  }

  /** A connection's next phase. Returns false for one that is gone, and so it stays. */
  move(connection: Connection, phase: Phase): boolean {
    if (!this.#all.has(connection)) return false;
    this.#forget(connection);
    connection.phase = phase;
    connection.since = this.#now;
    if (phase === 'idle') connection.readBefore = connection.socket.bytesRead;
    if (phase === 'handshake') this.#handshaking.add(connection);
    if (phase !== 'serving') this.#evictable[connection.certified ? 'certified' : 'anonymous'].add(connection);
    return true;
  }

  cut(connection: Connection, kind: LimitKind): void {
    if (!this.#all.has(connection)) return;
    this.remove(connection);
    connection.socket.destroy();
    this.#options.onLimit(kind);
  }

  remove(connection: Connection): void {
    this.#forget(connection);
    this.#all.delete(connection);
  }

  /** Lets time pass and closes what has had more than it may. */
  advance(ms: number): void {
    this.#now += ms;
    const { framing, limits } = this.#options;
    const allowed: Readonly<Record<Phase, number>> = {
      handshake: limits.handshakeTimeout,
      header: limits.requestTimeout,
      body: limits.requestTimeout,
      idle: limits.idleTimeout,
      serving: framing === 'multiplexed' ? Infinity : limits.responseTimeout,
    };
    for (const connection of this.#all) {
      const { phase, socket, readBefore, since } = connection;
      if (phase === 'idle' && framing === 'sequential' && socket.bytesRead > readBefore)
        this.move(connection, 'header');
      else if (this.#now - since > allowed[phase]) this.cut(connection, timeoutKinds[phase]);
    }
  }

  /** Closes those in their handshake, all that serve nothing, or all. */
  close(which: Closing): void {
    for (const connection of this.#all) {
      const { phase } = connection;
      if (which === 'handshakes' ? phase !== 'handshake' : which === 'idle' && phase === 'serving') continue;
      this.remove(connection);
      connection.socket.destroy();
    }
  }

  /**
   * Callers that have proved a certificate come last, except that an eighth of the connections is left to those that
   * have not: a new caller is one of these until its handshake is complete.
   */
  #longestIdle(): Connection | undefined {
    const { anonymous, certified } = this.#evictable;
    const [longestAnonymous] = anonymous;
    const [longestCertified] = certified;
    return anonymous.size > this.#options.limits.maxConnections / 8
      ? longestAnonymous
      : (longestCertified ?? longestAnonymous);
  }

  #forget(connection: Connection): void {
    this.#handshaking.delete(connection);
    this.#evictable.anonymous.delete(connection);
    this.#evictable.certified.delete(connection);
  }
}
