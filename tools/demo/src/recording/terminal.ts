/** What a terminal shows: the lines of one moment, and for how many seconds it shows them. */
export interface Frame {
  readonly lines: readonly string[];
  readonly seconds: number;
}

/**
 * A terminal, as far as the demo uses one: lines that stay, and lines that are drawn again after moving up (`ESC[nA`)
 * and erasing what is below (`ESC[J`).
 */
export class Terminal {
  #lines: string[] = [''];
  #row = 0;

  write(text: string): void {
    for (const [part, count] of text.matchAll(/\x1b\[(\d*)A|\x1b\[J|\r|\n|[^\x1b\r\n]+/g)) {
      if (part === '\r') continue;
      else if (part === '\n') this.#moveTo(this.#row + 1);
      else if (part === '\x1b[J') this.#lines = [...this.#lines.slice(0, this.#row), ''];
      else if (part.endsWith('A') && part.startsWith('\x1b')) this.#moveTo(this.#row - Number(count || 1));
      else this.#lines[this.#row] = `${this.#lines[this.#row] ?? ''}${part}`;
    }
  }

  /** All lines so far, without the empty one that the cursor is in. */
  get lines(): readonly string[] {
    return this.#lines.at(-1) === '' ? this.#lines.slice(0, -1) : [...this.#lines];
  }

  #moveTo(row: number): void {
    this.#row = Math.max(0, row);
    this.#lines[this.#row] ??= '';
  }
}

/** A piece of what a program printed, and how many seconds after the one before. */
export interface Piece {
  readonly after: number;
  readonly text: string;
}

/**
 * What `script --log-timing` recorded: a file of what was printed, below a line of its own, and a file with a line
 * `SECONDS BYTES` for each piece.
 */
export function readRecording(printed: Buffer, timing: string): readonly Piece[] {
  let start = printed.indexOf('\n') + 1;
  // A piece may end within a character.
  const decoder = new TextDecoder();
  return timing
    .trim()
    .split('\n')
    .map((line) => {
      const [after = 0, bytes = 0] = line.split(' ').map(Number);
      const text = decoder.decode(printed.subarray(start, start + bytes), { stream: true });
      start += bytes;
      return { after, text };
    });
}

export interface FrameOptions {
  /** While no lines are added, there is a frame every so many seconds of the recording. */
  readonly every: number;
  /** A frame is shown for at most so many seconds. */
  readonly most: number;
  /** How long the last frame is shown. */
  readonly last: number;
}

/** The moments of a recording that are worth showing: pauses are cut short, redrawn lines are shown now and then. */
export function framesOf(pieces: readonly Piece[], { every, most, last }: FrameOptions): readonly Frame[] {
  const terminal = new Terminal();
  const frames: Frame[] = [];
  let shown: { readonly lines: readonly string[]; seconds: number } = { lines: [], seconds: 0 };
  for (const { after, text } of pieces) {
    shown.seconds += after;
    terminal.write(text);
    const { lines } = terminal;
    // What was erased is about to be drawn again.
    if (text.endsWith('\x1b[J')) continue;
    if (shown.seconds < every && lines.length === shown.lines.length) continue;
    if (shown.lines.length > 0) frames.push({ ...shown, seconds: Math.min(most, shown.seconds) });
    shown = { lines, seconds: 0 };
  }
  return [...frames, { lines: terminal.lines, seconds: last }];
}
