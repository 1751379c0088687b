import type { Random } from '../random.ts';

/** Inputs longer than this are cut: limits on size are attacked by rows. */
export const maxBytes = 64 * 1024;
const maxRepeats = 2000;
const odd: readonly [string, ...string[]] = [
  '\0',
  '\uffff',
  '\u2028',
  '\u202e',
  '𝒳',
  '\ud800',
  '-',
  '0',
  '9'.repeat(40),
  '\r\n',
  '"',
  '\\',
  '{',
  '[',
  '}',
  ':',
  '__proto__',
  'constructor',
  'é',
  '%00',
  '../',
];

/** The input, changed in up to four places; one in four stays as it is. */
export function mutate(input: Buffer, words: readonly string[], random: Random): Buffer {
  let bytes = input;
  for (let left = random.below(5); left > 1; left -= 1) bytes = change(bytes, words, random);
  return bytes.subarray(0, maxBytes);
}

function change(bytes: Buffer, words: readonly string[], random: Random): Buffer {
  const [from, to] = [random.below(bytes.length + 1), random.below(bytes.length + 1)].sort((a, b) => a - b) as [
    number,
    number,
  ];
  const [before, part, after] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  switch (random.below(7)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, part, part, after]);
    case 2:
      return Buffer.concat([before, random.bytes(1 + random.below(4)), after]);
    case 3:
      return Buffer.concat([before, Buffer.from(random.pick(odd)), part, after]);
    case 4:
      return Buffer.concat([before, Buffer.from(words[random.below(words.length)] ?? ''), part, after]);
    case 5:
      return Buffer.concat([before, repeat(part.subarray(0, 8), random), after]);
    default:
      return flip(bytes, random);
  }
}

const repeat = (part: Buffer, random: Random): Buffer =>
  Buffer.concat(Array.from({ length: random.below(maxRepeats) }, () => part));

function flip(bytes: Buffer, random: Random): Buffer {
  const flipped = Buffer.from(bytes);
  const place = random.below(Math.max(1, flipped.length));
  if (place < flipped.length) flipped[place] = (flipped[place] ?? 0) ^ (1 << random.below(8));
  return flipped;
}
