import { describe, expect, it } from 'vitest';
import { compareAge } from './age.ts';

const of = (name: string, creationTimestamp?: string, namespace = 'shop'): Parameters<typeof compareAge>[0] => ({
  name,
  namespace,
  ...(creationTimestamp ? { creationTimestamp } : {}),
});

describe('objects by age', () => {
  it('are sorted by creation, then by name and namespace as one text', () => {
    const sorted = [
      of('web'),
      of('a', '2023-01-02T00:00:00Z'),
      of('web-v2'),
      of('b', '2023-01-01T00:00:00Z'),
      of('web', undefined, 'bank'),
    ].sort(compareAge);
    expect(sorted.map(({ name, namespace }) => `${name}.${namespace}`)).toEqual([
      'web-v2.shop',
      'web.bank',
      'web.shop',
      'b.shop',
      'a.shop',
    ]);
  });
});
