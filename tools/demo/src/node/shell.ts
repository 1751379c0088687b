import { execFile } from 'node:child_process';

const maxOutput = 16 << 20;

/**
 * Runs a program with `input` on its standard input; resolves with what it printed. Rejects with what it said on
 * standard error.
 */
export const run = (program: string, args: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = execFile(program, args, { maxBuffer: maxOutput }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
