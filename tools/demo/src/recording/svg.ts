import type { Frame } from './terminal.ts';

export interface SvgOptions {
  readonly title: string;
  /** The size of the terminal, in characters. */
  readonly columns: number;
  readonly rows: number;
}

/** In pixels. A monospace character is 0.6 of its font's size wide, or a little less. */
const font = { size: 13, width: 7.83, line: 18 } as const;
const margin = 16;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
/** Bars in the color of bars. */
const marked = (line: string): string => escaped(line).replaceAll(/[█━]+/g, '<tspan>$&</tspan>');
const number = (value: number): string => String(Number(value.toFixed(2)));

/**
 * Frames as an SVG that plays them in a loop, without scripts. Frames stand side by side, and the strip moves from one
 * to the next. A viewer that plays nothing, or should not, shows the last one. A line is written once, however many
 * frames have it.
 */
export function renderSvg(frames: readonly Frame[], { title, columns, rows }: SvgOptions): string {
  const [width, height] = [2 * margin + columns * font.width, 2 * margin + rows * font.line];
  const ids = new Map<string, string>();
  const idOf = (line: string): string => {
    const known = ids.get(line) ?? `l${ids.size}`;
    ids.set(line, known);
    return known;
  };
  const groups = frames.map(({ lines }, index) => {
    const shown = lines.slice(-rows).map((line) => line.slice(0, columns));
    const uses = shown.flatMap((line, row) =>
      line.trim() === '' ? [] : `<use href="#${idOf(line)}" y="${margin + (row + 1) * font.line - 5}"/>`,
    );
    return `<g transform="translate(${number(index * width)})">${uses.join('')}</g>`;
  });
  const total = frames.reduce((sum, { seconds }) => sum + seconds, 0);
  const shift = (index: number): string => `transform:translateX(${number(-index * width)}px)`;
  let passed = 0;
  const steps = frames.map(({ seconds }, index) => {
    const step = `${number((100 * passed) / total)}%{${shift(index)}}`;
    passed += seconds;
    return step;
  });
  const last = shift(frames.length - 1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${number(width)} ${height}" width="${number(width)}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>
text{font:${font.size}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;fill:#d7dee6;white-space:pre}
tspan{fill:#6cb6ff}
.strip{animation:play ${number(total)}s step-end infinite}
@keyframes play{${steps.join('')}100%{${last}}}
@media (prefers-reduced-motion:reduce){.strip{animation:none}}
</style>
<defs>
${[...ids].map(([line, id]) => `<text id="${id}" x="${margin}" xml:space="preserve">${marked(line)}</text>`).join('\n')}
</defs>
<rect width="100%" height="100%" rx="8" fill="#1c2530" stroke="#6b7785"/>
<g class="strip" transform="translate(${number((1 - frames.length) * width)})">
${groups.join('\n')}
</g>
</svg>
`;
}
