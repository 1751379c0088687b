import fc from 'fast-check';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createScreen } from '../screen.ts';
import { renderSvg } from './svg.ts';
import { framesOf, readRecording, Terminal, type Piece } from './terminal.ts';

/** What a screen of the demo writes to a terminal. */
function written(use: (screen: ReturnType<typeof createScreen>) => void): string[] {
  const pieces: string[] = [];
  const out = { isTTY: true, columns: 40, write: (text: string) => pieces.push(text) > 0 };
  use(createScreen(out as unknown as NodeJS.WriteStream));
  return pieces;
}

describe('a recorded terminal', () => {
  it('shows what a screen of the demo shows, whatever is said and drawn', () => {
    const line = fc.string({ unit: fc.constantFrom('a', ' ', '█', '<', '×'), maxLength: 20 });
    const step = fc.oneof(fc.record({ say: line }), fc.record({ draw: fc.array(line, { maxLength: 4 }) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const terminal = new Terminal();
        const said: string[] = [];
        let drawn: readonly string[] = [];
        const pieces = written((screen) => {
          for (const one of steps)
            if ('say' in one) {
              screen.say(one.say);
              said.push(one.say);
            } else {
              screen.draw(one.draw);
              drawn = one.draw;
            }
        });
        for (const piece of pieces) terminal.write(piece);
        expect(terminal.lines).toEqual([...said, ...drawn]);
      }),
    );
  });

  it('is read with the times between its pieces, which may end within a character', () => {
    const printed = Buffer.from('Script started\n█ one\r\ntwo\r\nScript done\n');
    expect(readRecording(printed, '0.5 2\n1 7\n2 4\n').map(({ after, text }) => [after, text])).toEqual([
      [0.5, ''],
      [1, '█ one\r\n'],
      [2, 'two\r'],
    ]);
  });

  it('has a frame for each new line, and some of what is drawn; pauses are cut', () => {
    const pieces: Piece[] = [
      ...written(({ say }) => say('one')),
      ...written(({ draw }) => ['a', 'b', 'c'].forEach((text) => draw([text]))),
    ].map((text) => ({ text, after: text.startsWith('a') ? 60 : 1 }));
    expect(framesOf(pieces, { every: 2, most: 5, last: 8 })).toEqual([
      { lines: ['one'], seconds: 5 },
      { lines: ['one', 'a'], seconds: 2 },
      { lines: ['one', 'b'], seconds: 2 },
      { lines: ['one', 'c'], seconds: 8 },
    ]);
  });
});

describe('a recording as SVG', () => {
  it('writes each line once and moves from frame to frame', () => {
    const frames = [
      { lines: ['<one>'], seconds: 1 },
      { lines: ['<one>', 'two ██'], seconds: 3 },
    ];
    const svg = renderSvg(frames, { title: 'a & b', columns: 10, rows: 5 });
    expect(svg.match(/&lt;one&gt;/g)).toHaveLength(1);
    expect(svg).toContain('two <tspan>██</tspan>');
    expect(svg.match(/<use href="#l0"/g)).toHaveLength(2);
    expect(svg).toContain('play 4s');
    expect(svg).toMatch(/0%\{[^}]*\}25%\{/);
    expect(svg).toContain('<title id="title">a &amp; b</title>');
  });

  it('is in the README, small, without scripts or anything from elsewhere', () => {
    const root = join(import.meta.dirname, '../../../..');
    const file = join(root, 'docs/images/demo.svg');
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain('(docs/images/demo.svg)');
    expect(statSync(file).size).toBeLessThan(100_000);
    expect(readFileSync(file, 'utf8').replace('http://www.w3.org/2000/svg', '')).not.toMatch(/<script|https?:|url\(/);
  });
});
