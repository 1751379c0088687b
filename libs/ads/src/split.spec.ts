import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { split } from './split.ts';
import { createState, step, type Protocol, type Resource, type Send } from './index.ts';

const resource = (size: number, i: number): Resource => ({
  name: `r${i}`,
  version: '1',
  bytes: i % 2 === 0 ? Buffer.alloc(size) : [Buffer.alloc(size - 1), Buffer.alloc(1)],
});
const sendOf = (resources: readonly Resource[]): Send => ({
  kind: 'send',
  typeUrl: 'eds',
  nonce: 'n',
  version: 'v',
  resources,
  removed: ['gone'],
  isWhole: false,
});

describe('a response in parts', () => {
  it('has all resources in their order, no more than so many bytes in a part, and each part its nonce', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }), (sizes) => {
        const resources = sizes.map(resource);
        const parts = split(sendOf(resources), 20);
        expect(parts.flatMap((part) => part.resources)).toEqual(resources);
        for (const { resources: some } of parts)
          expect(some.length === 1 || some.reduce((sum, { name }) => sum + sizeOf(name), 0) <= 20).toBe(true);
        expect(new Set(parts.map(({ nonce }) => nonce)).size).toBe(parts.length);
        expect(parts.at(-1)).toMatchObject({ nonce: 'n', removed: ['gone'] });
        expect(parts.slice(0, -1).flatMap(({ removed }) => removed)).toEqual([]);

        function sizeOf(name: string): number {
          return sizes[Number(name.slice(1))] ?? 0;
        }
      }),
    );
  });

  it('is one of what is requested by names, and of nothing that is taken whole', () => {
    const large = { name: 'a', version: '1', bytes: Buffer.alloc(3 << 20) };
    const source = {
      all: () => [large, { ...large, name: 'b' }],
      get: (_type: string, name: string) => ({ ...large, name }),
    };
    const limits = { namesPerType: 10, names: 10, namesPerStep: 10 };
    const protocol: Protocol = { order: ['cds', 'eds'], whole: new Set(['cds']), follows: [], limits };
    const sent = (typeUrl: string, subscribe: readonly string[]): number =>
      step(
        createState(),
        { kind: 'delta', typeUrl, subscribe, unsubscribe: [], nonce: '', initialVersions: new Map() },
        { source, protocol },
      ).filter(({ kind }) => kind === 'send').length;
    expect([sent('cds', []), sent('eds', ['a', 'b'])]).toEqual([1, 2]);
  });
});
