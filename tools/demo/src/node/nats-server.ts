import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildServerConfig, fleetUsers } from '@flotilla/bus-nats';
import { createLogger, createMetrics } from '@flotilla/observability';
import { controlPlaneIdentity } from '@flotilla/rules';
import { createSupervisor, parseOptions } from '@flotilla/runtime';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';
import { aborted, setting } from '@flotilla/std';

/**
 * nats-server with a certificate from citadel, replaced while it runs. Its users are the services that citadel
 * certifies.
 */
const options = parseOptions(
  {
    name: 'nats',
    describe: 'nats-server with a certificate from citadel',
    settings: {
      ...certificateSettings(),
      bind: setting.text('address of its port', '0.0.0.0'),
      folder: setting.path('where its configuration and its streams are kept', '/data'),
    },
  },
  process.argv.slice(2),
);
const binary = process.env['NATS_SERVER_BIN'] ?? 'nats-server';
const log = createLogger('nats');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const certificate = createServiceCertificate({ ...options, service: 'nats', log });

function writeFiles(): string {
  const file = (name: string, text: string): string => {
    writeFileSync(join(options.folder, name), text, { mode: 0o600 });
    return join(options.folder, name);
  };
  const { key, cert, roots } = certificate.current() ?? { key: '', cert: '', roots: '' };
  const identityOf = (serviceAccount: string): string => controlPlaneIdentity(options, serviceAccount);
  return file(
    'nats.conf',
    buildServerConfig({
      host: options.bind,
      port: 4222,
      storeDir: join(options.folder, 'store'),
      revision: 'default',
      users: fleetUsers(identityOf),
      tls: { keyFile: file('key.pem', key), certFile: file('cert.pem', cert), caFile: file('ca.pem', roots) },
    }),
  );
}

const serve = async (signal: AbortSignal): Promise<void> => {
  await Promise.race([certificate.first, aborted(signal)]);
  if (signal.aborted) return;
  const server = spawn(binary, ['-c', writeFiles()], { stdio: 'inherit' });
  const ended = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) =>
      signal.aborted ? resolve() : reject(new Error(`nats-server ended with exit code ${code}`)),
    );
  });
  const ignoreChanges = certificate.onChange(() => {
    writeFiles();
    server.kill('SIGHUP');
  });
  signal.addEventListener('abort', () => server.kill('SIGTERM'));
  await ended.finally(ignoreChanges);
};
const runners = [certificate.runner, { name: 'nats', run: serve }];
process.exit(await createSupervisor(runners, { stop, log, metrics: createMetrics() }).run());
