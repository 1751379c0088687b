import type { FuzzTarget } from './target.ts';

const sums: Omit<FuzzTarget, 'name' | 'read'> = {
  generate: (random) => Array.from({ length: 6 }, () => random.below(10)).join('+'),
  words: ['!'],
};
const when =
  (text: string, fault: () => void) =>
  (input: Buffer): void => {
    if (input.includes(text)) fault();
  };

/** Targets with a fault each. */
export const targets: readonly FuzzTarget[] = [
  { ...sums, name: 'sound', read: (input) => input.length },
  {
    ...sums,
    name: 'throws',
    read: when('!', () => {
      throw new RangeError('no');
    }),
  },
  {
    ...sums,
    name: 'rejects',
    read: (input) => (input.includes('!') ? Promise.reject(new RangeError('no')) : Promise.resolve()),
  },
  {
    ...sums,
    name: 'hangs',
    read: when('!', () => {
      for (;;);
    }),
  },
];
