/** A process of a test, which hangs in the ways that its arguments say: `HOW MS`. */
import { setting } from '@flotilla/std';
import { commonSettings, runApp } from '../app.ts';

const spin = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end;);
};
const ways: Readonly<Record<string, (ms: number) => void>> = {
  spin,
  // eslint-disable-next-line redos/no-vulnerable -- It is here to hang.
  backtrack: () => void /^(\d+\.?\d*)+$/.test(`${'1'.repeat(60)}x`),
  native: () => void 'a'.repeat(2_000_000).lastIndexOf(`${'a'.repeat(1_000_000)}b`),
  sleep: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  nothing: () => {},
};

await runApp(
  {
    name: 'stuck',
    describe: 'hangs',
    settings: {
      ...commonSettings('127.0.0.1'),
      how: setting.text('how', 'nothing'),
      forMs: setting.count('how long', 1),
      quarantineFile: setting.optionalPath('file'),
    },
  },
  (options, { observability, watchdog }) => {
    if (options.quarantineFile) watchdog.quarantineIn(options.quarantineFile);
    const { activity } = observability;
    activity.within(() => ['query routes', 'key\n80']);
    const hang = (): void =>
      activity.during({ name: 'file.yaml#1\nforged', hash: 'hash-1' }, () => {
        activity.during({ name: 'inner, and over' }, () => {});
        ways[options.how]?.(options.forMs);
      });
    return {
      runners: [
        {
          name: 'hang',
          run: async (signal) => {
            await new Promise((resolve) => setTimeout(resolve, 300));
            process.stdout.write('begins\n');
            hang();
            process.stdout.write('goes on\n');
            await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
          },
        },
      ],
      ready: {},
    };
  },
);
