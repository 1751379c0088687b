import { describe, expect, it } from 'vitest';
import { ResponseEncoder, type Effect, type Resource } from './index.ts';

type Send = Extract<Effect, { kind: 'send' }>;
const a: Resource = { name: 'a', version: '1', bytes: Buffer.from('aa') };
const b: Resource = { name: 'b', version: '2', bytes: Buffer.alloc(200, 'b') };
const send = (of: Partial<Send>): Send => ({
  kind: 'send',
  isWhole: false,
  typeUrl: 't',
  nonce: 'n',
  version: 'v',
  resources: [a, b],
  removed: [],
  ...of,
});

describe('responses', () => {
  it('are encoded once for streams that are sent the same, whatever else has the nonce', () => {
    const encoder = new ResponseEncoder();
    const first = encoder.encode(send({}), 'sotw');
    expect(encoder.encode(send({}), 'sotw')).toBe(first);
    expect(encoder.encode(send({ resources: [a] }), 'sotw')).not.toEqual(first);
    expect(encoder.encode(send({}), 'delta')).not.toEqual(first);
  });

  it('have the fields of the protocol, empty ones left out', () => {
    const text = new ResponseEncoder().encode(send({ resources: [a], removed: ['c'] }), 'delta').toString('latin1');
    expect(text).toBe('\n\x01v\x12\x0f\n\x011\x12\x07\n\x01t\x12\x02aa\x1a\x01a"\x01t*\x01n2\x01c');
    expect(new ResponseEncoder().encode(send({ resources: [], version: '' }), 'sotw').toString('latin1')).toBe(
      '"\x01t*\x01n',
    );
  });
});
