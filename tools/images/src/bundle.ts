import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { copyOf, textFile, type Entry } from './entry.ts';
import { checkout } from './settings.ts';

/** A program in one folder with all files of its own that it reads at run time. */
export interface Bundle {
  readonly name: string;
  /** Paths are relative to that folder. */
  readonly entries: readonly Entry[];
  /** The source files that it is built from, relative to the checkout. */
  readonly inputs: readonly string[];
}

const banner = `#!/usr/local/bin/node
import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);`;
/** Optional dependencies of ws, which works without them. */
const optional = new Set(['bufferutil', 'utf-8-validate']);

/**
 * Bundles programs, given by name and main file relative to the checkout: each into one readable file `NAME.js`, with
 * its worker threads and data beside it. Throws if anything but Node's own modules is left to import.
 */
export async function bundlePrograms(programs: Readonly<Record<string, string>>): Promise<readonly Bundle[]> {
  const { outputs, references } = await bundle(programs);
  const workers = new Map(
    [...references.values()]
      .flat()
      .flatMap((file) => (file.endsWith('.ts') ? [[outputName(file), file] as const] : [])),
  );
  const workerOutputs = workers.size === 0 ? undefined : await bundle(Object.fromEntries(workers));
  if (workerOutputs && workerOutputs.references.size > 0)
    throw new Error(`${[...workerOutputs.references.keys()].join(', ')}: worker threads can't have files of their own`);
  return Object.keys(programs).map((name) => {
    const main = outputs.get(name);
    if (!main) throw new Error(`esbuild produced no output for ${name}`);
    const files = main.inputs.flatMap((input) => references.get(input) ?? []);
    const beside = files.map((file) => {
      if (!file.endsWith('.ts')) return { entry: copyOf(file, outputName(file)), inputs: [relative(checkout, file)] };
      const worker = workerOutputs?.outputs.get(outputName(file));
      return { entry: textFile(`${outputName(file)}.js`, worker?.text ?? ''), inputs: worker?.inputs ?? [] };
    });
    return {
      name,
      entries: [textFile(`${name}.js`, main.text, 0o755), ...beside.map(({ entry }) => entry)],
      inputs: [...new Set([...main.inputs, ...beside.flatMap(({ inputs }) => inputs)])].sort(),
    };
  });
}

interface Output {
  readonly text: string;
  readonly inputs: readonly string[];
}
interface Outputs {
  readonly outputs: ReadonlyMap<string, Output>;
  /** The files that each input reads at run time, by the input. */
  readonly references: ReadonlyMap<string, readonly string[]>;
}

/** The name of an output: that of a worker's source without `.ts`; other files keep their names. */
const outputName = (file: string): string => basename(file, '.ts');

async function bundle(entryPoints: Readonly<Record<string, string>>): Promise<Outputs> {
  const references = new Map<string, readonly string[]>();
  const { outputFiles, metafile } = await build({
    entryPoints: { ...entryPoints },
    absWorkingDir: checkout,
    outdir: checkout,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    legalComments: 'inline',
    banner: { js: banner },
    plugins: [referencePlugin(references)],
    logLevel: 'silent',
  });
  const outputs = new Map(
    outputFiles.map(({ path, text }) => {
      const { inputs = {}, imports = [] } = metafile.outputs[relative(checkout, path)] ?? {};
      const foreign = imports.filter(({ path: name }) => !isBuiltin(name) && !optional.has(name));
      if (foreign.length > 0) throw new Error(`${path} imports ${foreign.map(({ path: name }) => name).join(', ')}`);
      const used = Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : []));
      return [basename(path, '.js'), { text, inputs: used }];
    }),
  );
  return { outputs, references };
}

const reference = /new URL\('(\.[./\w-]{1,200})', import\.meta\.url\)/g;

/**
 * Bundlers don't follow `new URL('./worker.ts', import.meta.url)`. This plugin collects the files that such URLs name,
 * and makes the URLs point beside the bundle.
 */
const referencePlugin = (references: Map<string, readonly string[]>): Plugin => ({
  name: 'files beside a program',
  setup({ onLoad }) {
    onLoad({ filter: /[.]ts$/ }, ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const source = readFileSync(path, 'utf8');
      const files = [...source.matchAll(reference)].map(([, target = '']) => resolve(dirname(path), target));
      if (files.length === 0) return undefined;
      references.set(relative(checkout, path), files);
      const contents = source.replace(reference, (_, target: string) => {
        const name = outputName(target);
        return `new URL('./${target.endsWith('.ts') ? `${name}.js` : name}', import.meta.url)`;
      });
      return { contents, loader: 'ts' };
    });
  },
});

/** The version of this project, for /opt/flotilla/package.json, which also says that its files are modules. */
export const packageJson = (): Entry => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };
  return textFile('package.json', `${JSON.stringify({ name: 'flotilla', version, type: 'module' })}\n`);
};
