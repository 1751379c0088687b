import { spawn } from 'node:child_process';
import { isatty } from 'node:tty';

const parentPollMs = 500;

/**
 * Runs a program in the foreground and resolves with its exit code. Whoever ends this process ends the program: signals
 * are handed on, and so is the end of the parent (npm), which may have been killed. A terminal's Ctrl-C reaches the
 * program by itself.
 */
export function runProgram(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' });
    const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
    const handOn = (signal) => {
      if (signal !== 'SIGINT' || !hasTerminal) child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handOn);
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid !== parent) child.kill('SIGTERM');
    }, parentPollMs);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearInterval(watch);
      resolve(code ?? 1);
    });
  });
}
