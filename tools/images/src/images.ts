import { dirname, join } from 'node:path';
import { bundlePrograms, packageJson, type Bundle } from './bundle.ts';
import { debianEntries } from './debian.ts';
import { copyOf, folder, link, textFile, type Entry } from './entry.ts';
import { packLayer, type Layer } from './layer.ts';
import { buildImage, type Image, type Start } from './oci.ts';
import { cacheFolder, fetchedProgram, nodeProgram } from './settings.ts';

interface Recipe extends Start {
  /** The program's main file, relative to the checkout. */
  readonly main: string;
  readonly program: string;
  /** The layers that it needs besides Node, by name. */
  readonly layers: readonly (keyof typeof contents)[];
}

const nonRoot = '65532:65532';
const programFolder = 'opt/flotilla';
const service = (program: string, layers: Recipe['layers'] = []): Recipe => ({
  program,
  main: `apps/${program}/src/main.ts`,
  entrypoint: ['node', `/${programFolder}/${program}.js`],
  user: nonRoot,
  layers,
});

/** All images by name. */
const recipes: Readonly<Record<string, Recipe>> = {
  pilot: service('pilot'),
  galley: service('galley'),
  citadel: service('citadel'),
  'sidecar-injector': service('sidecar-injector'),
  istiod: service('istiod'),
  nats: service('nats', ['nats-server']),
  proxyv2: {
    ...service('pilot-agent', ['iptables', 'envoy']),
    entrypoint: ['pilot-agent'],
    user: '1337:1337',
  },
  'testing-app': { ...service('testing-app'), main: 'tools/testing-app/src/main.ts' },
};
export const imageNames: readonly string[] = Object.keys(recipes);

const basePackages = ['base-files', 'ca-certificates', 'libc6', 'libgcc-s1', 'libstdc++6', 'netbase'];
const iptablesPackages = [
  ...['iptables', 'libip4tc2', 'libip6tc2', 'libmnl0', 'libnetfilter-conntrack3', 'libnfnetlink0'],
  ...['libnftnl11', 'libxtables12'],
];

export interface BuildOptions {
  readonly hub: string;
  readonly tag: string;
  /** Take the newest Debian packages. */
  readonly pull: boolean;
  readonly report: (line: string) => void;
}
export interface BuiltImage extends Image {
  readonly name: string;
  /** The source files of the program. */
  readonly bundle: Bundle;
  readonly unpackedSize: number;
}

/** Builds images by name. Layers are packed only if something in them has changed. Throws for an unknown name. */
export async function buildImages(names: readonly string[], options: BuildOptions): Promise<readonly BuiltImage[]> {
  const unknown = names.filter((name) => !Object.hasOwn(recipes, name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; there are: ${imageNames.join(', ')}`);
  const chosen = names.flatMap((name) => {
    const recipe = recipes[name];
    return recipe ? [{ name, recipe }] : [];
  });
  options.report('bundling programs');
  const bundles = await bundlePrograms(
    Object.fromEntries(chosen.map(({ recipe: { program, main } }) => [program, main])),
  );
  const cache = join(cacheFolder(), 'layers');
  const packed = new Map<string, Promise<Layer>>();
  const shared = (name: keyof typeof contents): Promise<Layer> => {
    const known =
      packed.get(name) ?? contents[name](options).then((entries) => packLayer(name, entries, { ...options, cache }));
    packed.set(name, known);
    return known;
  };
  const images: BuiltImage[] = [];
  for (const { name, recipe } of chosen) {
    const bundle = bundles.find((one) => one.name === recipe.program);
    if (!bundle) throw new Error(`${recipe.program} was not bundled`);
    const layers: Layer[] = [];
    for (const layer of ['base', 'node', ...recipe.layers] as const) layers.push(await shared(layer));
    layers.push(await packLayer(recipe.program, programEntries(recipe, bundle), { ...options, cache }));
    images.push({
      ...buildImage(`${options.hub}/${name}:${options.tag}`, layers, recipe),
      name,
      bundle,
      unpackedSize: layers.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0),
    });
  }
  return images;
}

function programEntries({ program }: Recipe, { entries }: Bundle): readonly Entry[] {
  const files = [...entries, packageJson()].map((entry) => ({ ...entry, path: `${programFolder}/${entry.path}` }));
  return program === 'pilot-agent'
    ? [...files, link('usr/local/bin/pilot-agent', `/${programFolder}/pilot-agent.js`)]
    : files;
}

/** The entries of the layers that images share. */
const contents = {
  base: baseEntries,
  node: async () => [
    copyOf(nodeProgram, 'usr/local/bin/node', 0o755),
    copyOf(join(dirname(nodeProgram), '../LICENSE'), 'usr/share/doc/node/copyright'),
  ],
  iptables: iptablesEntries,
  envoy: async () => [copyOf(fetchedProgram('envoy'), 'usr/local/bin/envoy', 0o755)],
  'nats-server': async () => [copyOf(fetchedProgram('nats-server'), 'usr/local/bin/nats-server', 0o755)],
} satisfies Readonly<Record<string, (options: BuildOptions) => Promise<readonly Entry[]>>>;

const users = { root: 0, 'istio-proxy': 1337, nonroot: 65532 };

async function baseEntries(options: BuildOptions): Promise<readonly Entry[]> {
  const found = await debianEntries(basePackages, { ...options, cache: cacheFolder() });
  const isRoot = ({ path }: Entry): boolean => path.startsWith('usr/share/ca-certificates/');
  const roots = found.flatMap((entry) => (isRoot(entry) && entry.kind === 'file' ? [entry] : []));
  const account = (line: (name: string, id: number) => string): string =>
    Object.entries(users)
      .map(([name, id]) => `${line(name, id)}\n`)
      .join('');
  return [
    ...found.filter((entry) => !isRoot(entry)),
    // As update-ca-certificates writes it.
    {
      kind: 'file',
      path: 'etc/ssl/certs/ca-certificates.crt',
      mode: 0o644,
      content: () => Buffer.concat(roots.sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ content }) => content())),
    },
    textFile(
      'etc/passwd',
      account((name, id) => `${name}:x:${id}:${id}::/:/usr/sbin/nologin`),
    ),
    textFile(
      'etc/group',
      account((name, id) => `${name}:x:${id}:`),
    ),
    textFile('etc/nsswitch.conf', 'hosts: files dns\n'),
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => [folder(`usr/${name}`), link(name, `usr/${name}`)]),
    ...['dev', 'proc', 'sys', 'run'].map((name) => folder(name)),
    ...['tmp', 'var/tmp'].map((name) => folder(name, 0o1777)),
    link('var/run', '/run'),
  ];
}

/** The packages, with the links that Debian's alternatives make: iptables works on nftables. */
async function iptablesEntries(options: BuildOptions): Promise<readonly Entry[]> {
  const found = await debianEntries(iptablesPackages, { ...options, cache: cacheFolder() });
  const names = ['iptables', 'ip6tables'].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
  return [...found, ...names.map((name) => link(`usr/sbin/${name}`, `${name.replace('tables', 'tables-nft')}`))];
}
