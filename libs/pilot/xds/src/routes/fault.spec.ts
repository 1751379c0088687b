import { envoy } from '@flotilla/proto-gen/envoy';
import { describe, expect, it } from 'vitest';
import { buildFault } from './fault.ts';

const decoded = (fault: Parameters<typeof buildFault>[0]): object => {
  const { value } = buildFault(fault)['envoy.filters.http.fault'] ?? {};
  return envoy.extensions.filters.http.fault.v3.HTTPFault.decode(value as Uint8Array);
};

describe('faults', () => {
  it('have delays that are fixed and aborts with a status, and no others', () => {
    expect(decoded({ delay: { percent: 5, fixedDelay: 1 }, abort: { httpStatus: 503 } })).toMatchObject({
      delay: { percentage: { numerator: 5 } },
      abort: { httpStatus: 503 },
    });
    const none = decoded({ delay: { percent: 5 }, abort: { percentage: { value: 1 } } });
    expect([Object.hasOwn(none, 'delay'), Object.hasOwn(none, 'abort')]).toEqual([false, false]);
  });
});
