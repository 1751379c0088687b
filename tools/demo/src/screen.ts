import type { WriteStream } from 'node:tty';

/** What a person sees: lines that stay, and below them, on a terminal, some that are drawn again. */
export interface Screen {
  say(line: string): void;
  /** Replaces the lines at the bottom; without a terminal they are printed now and then. */
  draw(lines: readonly string[]): void;
  end(): void;
}

const everyMs = 2000;

export function createScreen(out: WriteStream | NodeJS.WriteStream): Screen {
  const isLive = out.isTTY === true;
  let drawn: readonly string[] = [];
  let printedAt = 0;
  const erase = (): void => {
    if (drawn.length > 0) out.write(`\x1b[${drawn.length}A\x1b[J`);
  };
  const put = (lines: readonly string[]): void =>
    void out.write(lines.map((line) => `${line.slice(0, out.columns || 200)}\n`).join(''));
  return {
    say(line) {
      if (isLive) erase();
      out.write(`${line}\n`);
      if (isLive) put(drawn);
    },
    draw(lines) {
      if (isLive) {
        erase();
        put(lines);
        drawn = lines;
      } else if (Date.now() - printedAt >= everyMs) {
        printedAt = Date.now();
        put(lines.slice(0, 1));
      }
    },
    end: () => void (drawn = []),
  };
}
