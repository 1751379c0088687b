import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';

interface Range {
  readonly count: number;
}
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Range[] }[];
  }[];
}

/**
 * How much a function does: how often V8 enters the functions and blocks of our own code meanwhile, loops' bodies at
 * each turn. It does not depend on the clock or on other work of the machine; what happens inside native functions is
 * not seen. Compiled code would not count, so nothing is compiled meanwhile.
 */
export async function countWork(run: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  for (const compiler of ['opt', 'maglev']) setFlagsFromString(`--no-${compiler}`);
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await session.post('Profiler.takePreciseCoverage');
    run();
    const { result } = (await session.post('Profiler.takePreciseCoverage')) as Coverage;
    const nodes = result.filter(({ url }) => url.includes('/libs/') && !url.includes('/node_modules/'));
    return nodes.reduce(
      (sum, { functions }) =>
        sum + functions.reduce((all, { ranges }) => all + ranges.reduce((one, { count }) => one + count, 0), 0),
      0,
    );
  } finally {
    session.disconnect();
    for (const compiler of ['opt', 'maglev']) setFlagsFromString(`--${compiler}`);
  }
}
