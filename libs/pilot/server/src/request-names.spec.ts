import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { envoy } from '@flotilla/proto-gen/discovery';
import { createRequestDecoder } from './request-names.ts';

const { DiscoveryRequest } = envoy.service.discovery.v3;
const encode = (request: Parameters<typeof DiscoveryRequest.encode>[0]): Buffer => Buffer.from(DiscoveryRequest.encode(request).finish());
const names = Array.from({ length: 100 }, (_, i) => `outbound|80||svc-${i}.shop.svc.cluster.local`);

describe('requests', () => {
  it('give one list for the same names, whoever sends them', () => {
    const decode = createRequestDecoder();
    const first = decode(encode({ typeUrl: 'eds', resourceNames: names, responseNonce: '1' }));
    const second = decode(encode({ node: { id: 'another' }, typeUrl: 'eds', resourceNames: names, responseNonce: '2', versionInfo: 'v' }));
    expect(second.resourceNames).toBe(first.resourceNames);
    expect([first.resourceNames, second.responseNonce, second.versionInfo, second.node?.id]).toEqual([names, '2', 'v', 'another']);
    expect(decode(encode({ resourceNames: names.slice(1) })).resourceNames).toEqual(names.slice(1));
  });

  it('decode as they do by themselves', () => {
    const decode = createRequestDecoder();
    const text = fc.string({ maxLength: 40 });
    const request = fc.record({ versionInfo: text, node: fc.record({ id: text }), resourceNames: fc.array(text, { maxLength: 200 }), typeUrl: text, responseNonce: text });
    fc.assert(fc.property(request, (fields) => {
      expect(decode(encode(fields))).toEqual(DiscoveryRequest.decode(encode(fields)));
    }));
    // Names in two places, an unknown field, and an end in the middle
    const [one, two] = [encode({ resourceNames: names }), encode({ typeUrl: 'eds' })];
    expect(decode(Buffer.concat([one, two, one])).resourceNames).toHaveLength(200);
    expect(decode(Buffer.concat([one, Buffer.from([0x78, 1])])).resourceNames).toEqual(names);
    expect(() => decode(one.subarray(0, -3))).toThrow();
  });
});
