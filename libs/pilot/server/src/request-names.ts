import { envoy } from '@flotilla/proto-gen/discovery';
import { Lru } from '@flotilla/std';

const { DiscoveryRequest } = envoy.service.discovery.v3;
type Request = envoy.service.discovery.v3.DiscoveryRequest;

/** Shorter lists are decoded as fast as they are looked up. */
const minBytes = 1024;
const keptBytes = 4 << 20;
/** Where a list's bytes are looked at to find one that may be the same. */
const samples = [0.21, 0.48, 0.77, 1];
const lengthDelimited = 2;
const resourceNames = 3 << 3 | lengthDelimited;

/**
 * Decodes DiscoveryRequests. A client repeats with every acknowledgement all the names it wants, and clients of one kind want the same: a list of
 * names whose bytes are known is the very list that was decoded first. Lists must not be changed. Throws for bytes that are no request.
 */
export function createRequestDecoder(): (bytes: Buffer) => Request {
  const lists = new Lru<{ readonly bytes: Buffer; readonly list: string[] }>(keptBytes);
  let last: Buffer = Buffer.alloc(0);
  const listOf = (bytes: Buffer): string[] => {
    const id = `${bytes.length} ${samples.map((share) => bytes.readUInt32LE(Math.floor(share * (bytes.length - 4)))).join(' ')}`;
    const known = lists.get(id);
    if (known?.bytes.equals(bytes)) {
      last = known.bytes;
      return known.list;
    }
    const { resourceNames: list } = DiscoveryRequest.decode(bytes);
    lists.set(id, { bytes, list }, bytes.length);
    return list;
  };
  return (bytes) => {
    const span = bytes.length < minBytes ? undefined : namesIn(bytes, last);
    if (!span) return DiscoveryRequest.decode(bytes);
    const request = DiscoveryRequest.decode(Buffer.concat([bytes.subarray(0, span.start), bytes.subarray(span.end)]));
    request.resourceNames = listOf(bytes.subarray(span.start, span.end));
    return request;
  };
}

/** Where the names stand in a request; undefined when there are none, or not all in one place, or anything else is unusual. `likely` are names that may stand there. */
function namesIn(bytes: Buffer, likely: Buffer): { start: number; end: number } | undefined {
  let span: { start: number; end: number } | undefined;
  for (let at = 0; at < bytes.length;) {
    const start = at;
    if (!span && bytes[at] === resourceNames && likely.length > 0 && bytes.subarray(at, at + likely.length).equals(likely)) {
      at += likely.length;
      span = { start, end: at };
      continue;
    }
    const tag = bytes[at++] ?? 0;
    if ((tag & 7) !== lengthDelimited || tag > 0x7f) return undefined;
    let length = 0;
    for (let shift = 0, byte = 0x80; byte > 0x7f; shift += 7) {
      byte = bytes[at++] ?? 0;
      if (shift > 21) return undefined;
      length |= (byte & 0x7f) << shift;
    }
    at += length;
    if (tag !== resourceNames) continue;
    if (span && span.end !== start) return undefined;
    span = { start: span?.start ?? start, end: at };
  }
  return span && span.end <= bytes.length ? span : undefined;
}
