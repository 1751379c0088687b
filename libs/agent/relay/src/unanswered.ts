/** Until pilot answers first, Envoy sends one request per type, and no more than it has resources to request. */
const limits = { messages: 1000, bytes: 16 << 20 };

/** Requests that pilot may not have seen: they are sent again on the next connection. */
export class Unanswered {
  readonly #requests: Buffer[] = [];
  #bytes = 0;

  /** Whether there is room for the request; if not, the stream has to end. */
  add(request: Buffer): boolean {
    this.#requests.push(request);
    this.#bytes += request.length;
    return this.#requests.length <= limits.messages && this.#bytes <= limits.bytes;
  }

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  [Symbol.iterator](): Iterator<Buffer> {
    return this.#requests[Symbol.iterator]();
  }
}
