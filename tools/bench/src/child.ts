import type { ChildProcess } from 'node:child_process';

/**
 * Lets a process that was started end with this one, whatever ends it; with SIGTERM, so that it ends what it has
 * started itself. Returns it.
 */
export function endsWithThis<C extends ChildProcess>(child: C): C {
  const kill = (): void => void child.kill('SIGTERM');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}
