import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache, fail, root, run, toolchain, toolPath } from './common.mjs';

const digest = (files) => {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
};
const isCurrent = (stamp, value) => existsSync(stamp) && readFileSync(stamp, 'utf8') === value;

/** The exact Node and pnpm of tools/setup/toolchain, below .cache/. */
export async function installToolchain() {
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    fail(`there is no Node package for ${process.arch}; use an x64 or arm64 machine`);
  const value = digest(['tools/setup/toolchain/package-lock.json']);
  const stamp = join(toolchain, 'installed');
  if (isCurrent(stamp, value)) return;
  mkdirSync(toolchain, { recursive: true });
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(root, 'tools/setup/toolchain', file), join(toolchain, file));
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: toolchain }).catch((thrown) => {
    if (thrown.code === 'ENOENT') fail('npm is missing; install Node.js 20 or later with npm');
    throw thrown;
  });
  writeFileSync(stamp, value);
}

const manifests = () => ['apps', 'libs', 'tools', 'tests'].flatMap((top) => walk(top)).sort();
function walk(dir) {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory())
      return entry.name === 'node_modules' || entry.name === 'src' || entry.name === 'gen' ? [] : walk(path);
    return entry.name === 'package.json' ? [path] : [];
  });
}

/** All packages as the lock file has them. */
export async function installWorkspace() {
  const value = digest(['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests()]);
  const stamp = join(cache, 'workspace');
  if (isCurrent(stamp, value) && existsSync(join(root, 'node_modules'))) return;
  await run('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'], {
    cwd: root,
    env: { ...toolPath(), CI: 'true' },
  });
  writeFileSync(stamp, value);
}
