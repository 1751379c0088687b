import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createSdsServer } from '@flotilla/agent-sds';
import { noObservability } from '@flotilla/observability-port';
import { createCertificateSource } from '@flotilla/pki';
import { buildBootstrap, type BootstrapOptions } from './bootstrap.ts';

const pollMs = 50;
/** An Envoy whose counters have stood still so long has asked for all it will. */
const quietMs = 400;
const limitMs = 20_000;
const maxSaid = 2000;

type Stats = ReadonlyMap<string, number>;
const counters =
  /^(?:.*\.update_(?:attempt|success|rejected|failure)|cluster_manager\.warming_clusters|listener_manager\.total_listeners_(?:warming|active)|listener_manager\.listener_create_failure)$/;
const isConfigured = (stats: Stats): boolean =>
  ['cluster_manager.cds', 'listener_manager.lds'].every(
    (of) => (stats.get(`${of}.update_success`) ?? 0) + (stats.get(`${of}.update_rejected`) ?? 0) > 0,
  );

/**
 * Lets a real Envoy play a proxy until it has everything that it requests; resolves with what it refused, and why, or
 * is left waiting for. Throws when Envoy ends or does not come so far.
 */
export async function runEnvoy(
  binary: string,
  options: Omit<BootstrapOptions, 'sdsSocket'> & { readonly folder: string },
): Promise<readonly string[]> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const sds = await createSdsServer({
    socket: file('sds'),
    certificate: createCertificateSource(options.certificate),
    log: noObservability.log,
  });
  writeFileSync(file('bootstrap.json'), JSON.stringify(buildBootstrap({ ...options, sdsSocket: file('sds') })));
  const log = openSync(file('log'), 'w');
  const envoy = spawn(
    binary,
    [
      '-c',
      file('bootstrap.json'),
      '--disable-hot-restart',
      '--use-dynamic-base-id',
      '--concurrency',
      '1',
      '-l',
      'warning',
      '--admin-address-path',
      file('admin'),
    ],
    { stdio: ['ignore', 'ignore', log] },
  );
  closeSync(log);
  const ended = once(envoy, 'exit');
  try {
    const stats = await untilQuiet(async () => {
      if (envoy.exitCode !== null || envoy.signalCode !== null)
        throw new Error(`Envoy ended with ${envoy.exitCode ?? envoy.signalCode}: ${logged(file('log')).slice(-1000)}`);
      // An Envoy that is busy may not answer for the moment: it is asked again until the time is up.
      return existsSync(file('admin'))
        ? readStats(readFileSync(file('admin'), 'utf8')).catch(() => new Map<string, number>())
        : new Map();
    });
    // Envoy says on one line what it refuses and on the next ones why.
    const refused = logged(file('log'))
      .split(/\n(?=\[)/)
      .filter((entry) => / rejected: /.test(entry))
      .map((entry) => entry.slice(entry.indexOf('gRPC config')).slice(0, maxSaid));
    const waiting = ['cluster_manager.warming_clusters', 'listener_manager.total_listeners_warming']
      .filter((name) => (stats.get(name) ?? 0) > 0)
      .map((name) => `${name}: ${stats.get(name) ?? 0}`);
    const rejected = [...stats]
      .filter(([name, count]) => name.endsWith('update_rejected') && count > 0)
      .map(([name]) => name);
    return [...rejected, ...waiting, ...refused];
  } finally {
    envoy.kill('SIGKILL');
    await ended;
    await sds.close();
  }
}

const logged = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

async function readStats(admin: string): Promise<Stats> {
  const text = await (await fetch(`http://${admin}/stats`)).text();
  return new Map(
    text
      .split('\n')
      .map((line): [string, number] => [
        line.slice(0, line.lastIndexOf(':')),
        Number(line.slice(line.lastIndexOf(':') + 1)),
      ])
      .filter(([name]) => counters.test(name)),
  );
}

/** Reads until clusters and listeners have been taken or refused, and nothing has moved since for a while. */
async function untilQuiet(read: () => Promise<Stats>): Promise<Stats> {
  let [before, since] = ['', Date.now()];
  for (const end = Date.now() + limitMs; Date.now() < end; await pause(pollMs)) {
    const stats = await read();
    const now = JSON.stringify([...stats]);
    if (now !== before) [before, since] = [now, Date.now()];
    if (isConfigured(stats) && Date.now() - since >= quietMs) return stats;
  }
  throw new Error(`Envoy did not get that far within ${limitMs / 1000} s: ${before.slice(0, 500)}`);
}
