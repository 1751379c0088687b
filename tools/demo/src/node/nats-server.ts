import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildServerConfig } from '@flotilla/bus-nats';
import { createLogger } from '@flotilla/observability';
import { parseOptions, runAll } from '@flotilla/runtime';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';
import { aborted, setting } from '@flotilla/std';

/** nats-server with a certificate from citadel, given a new one while it runs, and a user per service. */
const options = parseOptions({
  name: 'nats', describe: 'nats-server with a certificate from citadel',
  settings: { ...certificateSettings(), bind: setting.text('address of its ports', '0.0.0.0'), folder: setting.path('where its configuration and its streams are kept', '/data'), passwordsFile: setting.path('JSON object of user: password', '/data/passwords.json') },
}, process.argv.slice(2));
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
  const passwords = JSON.parse(readFileSync(options.passwordsFile, 'utf8')) as Readonly<Record<string, string>>;
  return file('nats.conf', buildServerConfig({
    host: options.bind, port: 4222, storeDir: join(options.folder, 'store'), revision: 'default', monitorPort: 8222,
    users: Object.entries(passwords).map(([name, password]) => ({ name, password, role: name === 'galley' ? 'publisher' as const : 'subscriber' as const })),
    tls: { keyFile: file('key.pem', key), certFile: file('cert.pem', cert), caFile: file('ca.pem', roots), verifyClients: true },
  }));
}

const serve = async (signal: AbortSignal): Promise<void> => {
  await Promise.race([certificate.first, aborted(signal)]);
  if (signal.aborted) return;
  const server = spawn(binary, ['-c', writeFiles()], { stdio: 'inherit' });
  const ended = new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => (signal.aborted ? resolve() : reject(new Error(`nats-server ended with exit code ${code}`))));
  });
  certificate.onChange(() => {
    writeFiles();
    server.kill('SIGHUP');
  });
  signal.addEventListener('abort', () => server.kill('SIGTERM'));
  await ended;
};
process.exit(await runAll([certificate.runner, { name: 'nats', run: serve }], stop));
