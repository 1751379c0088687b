import { readdirSync, readFileSync } from 'node:fs';
import type { Usage } from './result.ts';

/** Linux counts CPU time in these, whatever its own tick is (sysconf(_SC_CLK_TCK)). */
const ticksPerSecond = 100;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

/** proc(5), stat: the fields after the name, which is in parentheses and may hold any character. */
function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      parent: Number(fields[1]),
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond,
    };
  } catch {
    return undefined;
  }
}

const rssMb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** CPU time and resident memory of processes and everything that they have started, added up. */
export function usageOf(roots: readonly number[]): Usage {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
  const counted = new Set(roots);
  for (let size = 0; size !== counted.size;) {
    size = counted.size;
    for (const { pid, parent } of all) if (counted.has(parent)) counted.add(pid);
  }
  const own = all.filter(({ pid }) => counted.has(pid));
  return {
    cpuMs: own.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    rssMb: own.reduce((sum, { pid }) => sum + rssMb(pid), 0),
  };
}
