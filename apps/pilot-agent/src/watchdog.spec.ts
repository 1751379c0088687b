import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const main = new URL('./main.ts', import.meta.url).pathname;
/** Hangs the process for good once its watchdog has been started, which leaves this behind. */
const hang = `data:text/javascript,${encodeURIComponent(`
  setInterval(() => {
    if (globalThis[Symbol.for('flotilla.within')]) for (;;);
  }, 300).unref();
`)}`;

it('an agent that hangs says where, and ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'));
  const envoy = join(folder, 'envoy');
  writeFileSync(envoy, '#!/bin/sh\nexec sleep 30 >/dev/null 2>&1\n', { mode: 0o755 });
  const { code, log } = await new Promise<{ code: unknown; log: string }>((resolve) =>
    execFile(
      process.execPath,
      ['--import', hang, main, 'proxy', 'sidecar'],
      {
        cwd: folder,
        // Were it not ended, it would keep a core busy for good.
        timeout: 30_000,
        killSignal: 'SIGKILL',
        env: {
          PATH: process.env['PATH'],
          PILOT_AGENT_ROOT: folder,
          POD_NAME: 'web',
          POD_NAMESPACE: 'shop',
          INSTANCE_IP: '127.0.0.1',
          // An Envoy that only waits, and an address where nobody is.
          ENVOY_BIN: envoy,
          PROXY_CONFIG: 'discoveryAddress: 127.0.0.1:1',
          AGENT_WATCHDOG_STACK_AFTER: '200ms',
          AGENT_WATCHDOG_EXIT_AFTER: '1s',
        },
      },
      (error, _output, errors) => resolve({ code: error?.code, log: errors }),
    ),
  );
  expect(log).toContain('the event loop is stuck for 0.2 s');
  expect(log).toContain('the event loop is stuck for 1 s: the process ends');
  expect(code).toBe(70);
});
