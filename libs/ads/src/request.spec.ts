import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envoy } from '@flotilla/proto-gen/discovery';
import { createRequestReader, MalformedMessage, RequestTooLarge, type RequestLimits } from './index.ts';

const { DiscoveryRequest, DeltaDiscoveryRequest } = envoy.service.discovery.v3;
const limits: RequestLimits = { requestBytes: 1 << 20, nameBytes: 100, nodeBytes: 10_000, names: 2000 };
const readers = { sotw: createRequestReader('sotw', limits), delta: createRequestReader('delta', limits) };
const encode = (request: Parameters<typeof DiscoveryRequest.encode>[0]): Buffer =>
  Buffer.from(DiscoveryRequest.encode(request).finish());
const encodeDelta = (request: Parameters<typeof DeltaDiscoveryRequest.encode>[0]): Buffer =>
  Buffer.from(DeltaDiscoveryRequest.encode(request).finish());
const names = Array.from({ length: 100 }, (_, i) => `outbound|80||svc-${i}.shop.svc.cluster.local`);
const namesOf = (bytes: Buffer): readonly string[] => {
  const { event } = readers.sotw(bytes);
  return event.kind === 'sotw' ? event.names : [];
};

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const common = {
  node: fc.record({ id: text, cluster: text }),
  typeUrl: text,
  responseNonce: text,
  errorDetail: fc.option(fc.record({ code: fc.nat(20), message: text }), { nil: undefined }),
};
const sotw = fc.record({ ...common, versionInfo: text, resourceNames: fc.array(text, { maxLength: 200 }) });
const delta = fc.record({
  ...common,
  resourceNamesSubscribe: fc.array(text),
  resourceNamesUnsubscribe: fc.array(text),
  initialResourceVersions: fc.dictionary(
    text.filter((key) => key !== '__proto__'),
    text,
  ),
});

/** What the generated decoder makes of the same bytes. */
function expected(variant: 'sotw' | 'delta', bytes: Buffer): unknown {
  const decoded = (variant === 'sotw' ? DiscoveryRequest : DeltaDiscoveryRequest).decode(bytes);
  const { typeUrl, responseNonce, errorDetail, node } = decoded;
  const event = {
    kind: variant,
    typeUrl,
    nonce: responseNonce,
    ...(errorDetail ? { error: errorDetail.message ?? '' } : {}),
  };
  const own =
    decoded instanceof DiscoveryRequest
      ? { names: decoded.resourceNames }
      : {
          subscribe: decoded.resourceNamesSubscribe,
          unsubscribe: decoded.resourceNamesUnsubscribe,
          initialVersions: new Map(Object.entries(decoded.initialResourceVersions)),
        };
  return { event: { ...event, ...own }, node: node ?? undefined };
}
const actual = (variant: 'sotw' | 'delta', bytes: Buffer): unknown => {
  const { event, node } = readers[variant](bytes);
  return { event, node: node ? envoy.config.core.v3.Node.decode(node) : undefined };
};

describe('requests', () => {
  it('are read as the generated code reads them', () => {
    fc.assert(
      fc.property(sotw, (fields) => {
        expect(actual('sotw', encode(fields))).toEqual(expected('sotw', encode(fields)));
      }),
    );
    fc.assert(
      fc.property(delta, (fields) => {
        expect(actual('delta', encodeDelta(fields))).toEqual(expected('delta', encodeDelta(fields)));
      }),
    );
  });

  it('have their fields in any order, several times, or cut off anywhere: what is read is what the generated code reads', () => {
    const parts = fc.array(
      fc.oneof(
        sotw.map(encode),
        delta.map(encodeDelta),
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      ),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.constantFrom('sotw' as const, 'delta' as const), parts, fc.nat(), (variant, several, cut) => {
        const bytes = Buffer.concat(several);
        const part = cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
        let read: unknown;
        try {
          read = readers[variant](part);
        } catch (error) {
          expect(error instanceof MalformedMessage || error instanceof RequestTooLarge).toBe(true);
          return;
        }
        // The generated code may refuse what is inside a field that isn't read here, and merges errors, of which this
        // takes the last.
        try {
          const [mine, theirs] = [actual(variant, part), expected(variant, part)] as { event: { error?: string } }[];
          expect({ ...mine, event: { ...mine?.event, error: '' } }).toEqual({
            ...theirs,
            event: { ...theirs?.event, error: '' },
          });
        } catch (error) {
          if (!(error instanceof Error) || error.name === 'AssertionError') throw error;
        }
        expect(read).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('give one list for the same names, whoever sends them, and keep nothing else of a request', () => {
    const read = createRequestReader('sotw', limits);
    const listIn = (bytes: Buffer): readonly string[] => {
      const { event } = read(bytes);
      return event.kind === 'sotw' ? event.names : [];
    };
    const bytes = encode({ typeUrl: 'eds', resourceNames: names, responseNonce: '1' });
    const first = listIn(bytes);
    bytes.fill(0);
    const second = listIn(
      encode({ node: { id: 'another' }, typeUrl: 'eds', resourceNames: names, responseNonce: '2', versionInfo: 'v' }),
    );
    expect(second).toBe(first);
    expect(first).toEqual(names);
    expect(listIn(encode({ resourceNames: names.slice(1) }))).toEqual(names.slice(1));
    expect(listIn(encode({ resourceNames: [...names, 'more'] }))).toEqual([...names, 'more']);
  });

  it('have names in two places, or unknown fields', () => {
    const [one, two] = [encode({ resourceNames: names }), encode({ typeUrl: 'eds' })];
    expect(namesOf(Buffer.concat([one, two, one]))).toEqual([...names, ...names]);
    expect(namesOf(Buffer.concat([one, Buffer.from([0x78, 1])]))).toEqual(names);
  });

  it.each([
    ['sotw', 'xds_request_bytes', Buffer.alloc((1 << 20) + 1), 'the request has 1048577 bytes, more than 1048576'],
    ['sotw', 'xds_name_bytes', encode({ resourceNames: ['x'.repeat(101)] }), 'a name has 101 bytes, more than 100'],
    ['sotw', 'xds_name_bytes', encode({ typeUrl: 'x'.repeat(101) }), 'a name has 101 bytes, more than 100'],
    [
      'sotw',
      'xds_names_per_type',
      encode({ resourceNames: Array.from({ length: 2001 }, () => '') }),
      'more than 2000 names in one request',
    ],
    [
      'sotw',
      'xds_node_bytes',
      encode({ node: { id: 'x'.repeat(10_000) } }),
      'the node has 10003 bytes, more than 10000',
    ],
    [
      'delta',
      'xds_names_per_type',
      encodeDelta({ resourceNamesUnsubscribe: Array.from({ length: 2001 }, () => 'a') }),
      'more than 2000 names in one request',
    ],
    [
      'delta',
      'xds_names_per_type',
      encodeDelta({
        initialResourceVersions: Object.fromEntries(Array.from({ length: 2001 }, (_, i) => [`${i}`, ''])),
      }),
      'more than 2000 names in one request',
    ],
    [
      'delta',
      'xds_name_bytes',
      encodeDelta({ initialResourceVersions: { ['x'.repeat(101)]: '1' } }),
      'a name has 101 bytes, more than 100',
    ],
  ] as const)('%s beyond the limit %s are refused', (...[variant, limit, bytes, message]) => {
    expect(() => readers[variant](bytes)).toThrow(expect.objectContaining({ limit, message }));
  });

  it('of millions of empty fields are refused after a few', () => {
    for (const tag of [
      [0x12, 0],
      [0x32, 0],
      [0x78, 1],
      [0x3a, 0],
    ]) {
      expect(() => readers.sotw(Buffer.alloc(1 << 20, Buffer.from(tag)))).toThrow(/more than 100 fields/);
    }
    const alternating = Buffer.alloc(1 << 20, Buffer.from([0x1a, 0, 0x22, 0]));
    expect(() => readers.sotw(alternating)).toThrow(/more than 100/);
  });

  it('have errors of any length, of which the beginning is read, and text that is not UTF-8 is refused', () => {
    const { event } = readers.sotw(encode({ errorDetail: { message: 'x'.repeat(500_000) } }));
    expect(event.error).toBe('x'.repeat(8192));
    expect(() => readers.sotw(Buffer.from([0x22, 2, 0xed, 0xa0]))).toThrow(MalformedMessage);
    expect(readers.sotw(encode({ typeUrl: '\ufffd' })).event.typeUrl).toBe('\ufffd');
  });
});
