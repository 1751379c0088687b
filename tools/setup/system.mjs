import { spawnSync } from 'node:child_process';
import { fail, run, step } from './common.mjs';

/** The only things taken from the system besides Python, by Debian package. */
const tools = { ip: 'iproute2', 'iptables-restore': 'iptables' };
const has = (tool) =>
  ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/local/bin'].some(
    (dir) => spawnSync('test', ['-x', `${dir}/${tool}`]).status === 0,
  );

/** Installs what is missing as root with apt-get, saying so first; else says what to install. */
export async function installSystemTools({ noInstall }) {
  const missing = [
    ...new Set(
      Object.entries(tools)
        .filter(([tool]) => !has(tool))
        .map(([, name]) => name),
    ),
  ];
  if (missing.length === 0) return;
  const canInstall = process.getuid() === 0 && has('apt-get') && !noInstall;
  if (!canInstall)
    fail(
      `${missing.join(' and ')} missing; install ${missing.length > 1 ? 'them' : 'it'} (Debian, Ubuntu: sudo apt-get install ${missing.join(' ')})`,
    );
  console.error(`setup: installing ${missing.join(' and ')} with apt-get (--no-install refuses)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await step(
    'apt-get',
    async () => {
      await run('apt-get', ['update', '-qq'], { env });
      await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
    },
    { tells: true },
  );
}
