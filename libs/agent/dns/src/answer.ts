import * as packet from 'dns-packet';
import { lookUp } from './lookup-table.ts';
import type { LookupTable } from './lookup-table.ts';

const ttl = 30;
const headerSize = 12;
const minUdpSize = 512;
const maxUdpSize = 4096;
/** Its length is written in two bytes (RFC 1035, 4.2.2). */
const maxTcpSize = 65_535;
/** A name of two bytes or more, type, class, time to live, length, and an IPv4 address. */
const minRecordSize = 16;

/** A query as far as it could be read. */
export interface Query {
  readonly id: number;
  readonly flags: number;
  readonly question: packet.Question;
  readonly udpSize: number;
}

/**
 * Has a message one question and no more records than extensions need? Others are not read, like by the library that
 * Istio's server is made with (miekg/dns, DefaultMsgAcceptFunc): 64 KiB hold 11,000 questions, each of 127 labels.
 */
const isQuery = (bytes: Buffer): boolean =>
  bytes.length >= headerSize &&
  bytes.readUInt16BE(4) === 1 &&
  bytes.readUInt16BE(6) <= 1 &&
  bytes.readUInt16BE(8) <= 1 &&
  bytes.readUInt16BE(10) <= 2;

/** Reads a query of one question; undefined for anything else. */
export function parseQuery(bytes: Buffer): Query | undefined {
  if (!isQuery(bytes)) return undefined;
  try {
    const { id = 0, flags = 0, type, questions = [], additionals = [] } = packet.decode(bytes);
    const [question] = questions;
    if (type !== 'query' || !question || questions.length !== 1) return undefined;
    const options = additionals.find((item) => item.type === 'OPT') as packet.OptAnswer | undefined;
    return {
      id,
      flags,
      question,
      udpSize: Math.min(Math.max(options?.udpPayloadSize ?? minUdpSize, minUdpSize), maxUdpSize),
    };
  } catch {
    return undefined;
  }
}

export type Transport = 'udp' | 'tcp';

/**
 * Answers from the name table: addresses in an order of chance, an alias as CNAME, and no records (not "no such name")
 * for a known name without addresses of the family. Undefined when the mesh doesn't know the name or the question is
 * for neither A nor AAAA.
 */
export function buildAnswer(
  table: LookupTable,
  query: Query,
  { transport, random = Math.random }: { transport: Transport; random?: () => number },
): Buffer | undefined {
  const { name, type } = query.question;
  if (type !== 'A' && type !== 'AAAA') return undefined;
  const found = lookUp(table, name);
  if (!found) return undefined;
  const owner = found.alias?.replace(/\.$/, '') ?? name;
  const size = transport === 'tcp' ? maxTcpSize : query.udpSize;
  const ips = shuffled(type === 'A' ? found.addresses.v4 : found.addresses.v6, random).slice(
    0,
    Math.ceil(size / minRecordSize),
  );
  const answers: packet.Answer[] = [
    ...(found.alias ? [{ type: 'CNAME' as const, name, ttl, data: owner }] : []),
    ...ips.map((data) => ({ type, name: owner, ttl, data })),
  ];
  const response = (shown: packet.Answer[], more: number): Buffer =>
    packet.encode({
      type: 'response',
      id: query.id,
      flags: (query.flags & packet.RECURSION_DESIRED) | packet.AUTHORITATIVE_ANSWER | more,
      questions: [query.question],
      answers: shown,
    });
  const whole = response(answers, 0);
  if (whole.length <= size) return whole;
  let shown = answers.length;
  let truncated = whole;
  while (truncated.length > size && shown > 0) {
    shown = Math.min(shown - 1, Math.floor((shown * size) / truncated.length));
    truncated = response(answers.slice(0, shown), packet.TRUNCATED_RESPONSE);
  }
  return truncated;
}

/** An answer that only says what went wrong: 2 is SERVFAIL. */
export const buildFailure = (query: Query, code = 2): Buffer =>
  packet.encode({
    type: 'response',
    id: query.id,
    flags: (query.flags & packet.RECURSION_DESIRED) | packet.RECURSION_AVAILABLE | code,
    questions: [query.question],
  });

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}
