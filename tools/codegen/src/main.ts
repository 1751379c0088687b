import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/**
 * Generates libs/proto-gen/gen from the project's own .proto files and Envoy's, which @grpc/grpc-js-xds ships. Skips
 * what is up to date.
 */
const root = resolve(import.meta.dirname, '../../..');
const library = join(root, 'libs/proto-gen');
const out = join(library, 'gen');
const require = createRequire(join(library, 'package.json'));
const envoyDeps = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const cli = dirname(require.resolve('protobufjs-cli/package.json'));
const include = [
  join(root, 'proto'),
  join(root, 'proto/thirdparty'),
  ...['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((dep) => join(envoyDeps, dep)),
];

const discovery = [
  'envoy/service/discovery/v3/ads.proto',
  'envoy/service/discovery/v3/discovery.proto',
  'envoy/extensions/transport_sockets/tls/v3/secret.proto',
  'istio/nds.proto',
];
const entries: Readonly<Record<string, readonly string[]>> = {
  envoy: [
    ...globSync(
      [
        'envoy/config/**/v3/*.proto',
        'envoy/extensions/**/v3/*.proto',
        'envoy/type/**/*.proto',
        'envoy/data/core/v3/*.proto',
      ],
      { cwd: include[2] ?? '' },
    )
      .filter((file) => !file.includes('/v2/'))
      .sort(),
    ...discovery,
    'xds/type/v3/typed_struct.proto',
    'udpa/type/v1/typed_struct.proto',
    'google/protobuf/empty.proto',
    ...['alpn', 'authn', 'authentication', 'metadata_exchange', 'stats', 'mcp'].map((name) => `istio/${name}.proto`),
  ],
  discovery,
  ca: ['istio/ca.proto'],
  bus: ['flotilla/bus/v1/bus.proto'],
  credentials: ['flotilla/credentials/v1/credentials.proto'],
  identity: ['flotilla/identity/v1/identity.proto'],
};

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of [
    import.meta.filename,
    ...globSync('**/*.proto', { cwd: join(root, 'proto') })
      .sort()
      .map((name) => join(root, 'proto', name)),
  ])
    hash.update(readFileSync(file));
  for (const name of ['@grpc/grpc-js-xds', 'protobufjs-cli', 'protobufjs'])
    hash.update(readFileSync(require.resolve(`${name}/package.json`)));
  return hash.digest('hex');
}

function run(script: string, args: readonly string[]): Promise<void> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, ['--max-old-space-size=4096', join(cli, 'bin', script), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', failed);
    child.on('exit', (code) => (code === 0 ? done() : failed(new Error(`${script} exited with ${code}`))));
  });
}

/** pbjs writes maps in the order of insertion; hashes need one order. */
function sortMaps(file: string): void {
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(
      /for \(let keys = \$Object\.keys\((\S+)\), i = 0;/g,
      'for (let keys = $$Object.keys($1).sort(), i = 0;',
    ),
  );
}

async function generate(name: string, files: readonly string[]): Promise<void> {
  const paths = include.flatMap((path) => ['-p', path]);
  const js = join(out, `${name}.js`);
  const options = [
    '-t',
    'static-module',
    '-w',
    'es6',
    '--es6',
    '--force-number',
    '--no-verify',
    '--no-convert',
    '--no-delimited',
    '--no-service',
    '--no-create',
    '-r',
    name,
  ];
  const call = [...options, ...paths, '-o', js, ...files];
  await run('pbjs', call);
  await run('pbts', ['--no-comments', '-o', join(out, `${name}.d.ts`), js]);
  // The types come from the comments; what is loaded needs none.
  await run('pbjs', ['--no-comments', ...call]);
  sortMaps(js);
}

const stamp = join(out, 'inputs.sha256');
const inputs = fingerprint();
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) process.exit(0);
console.log("codegen: generating protobuf code from proto/ and Envoy's API (about half a minute)");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
await Promise.all([
  (async () => {
    for (const [name, files] of Object.entries(entries)) if (name !== 'envoy') await generate(name, files);
  })(),
  (async () => {
    await generate('envoy', entries['envoy'] ?? []);
    await run('pbjs', [
      '-t',
      'json',
      ...include.flatMap((path) => ['-p', path]),
      '-o',
      join(out, 'descriptors.json'),
      ...(entries['envoy'] ?? []),
      'istio/ca.proto',
      'flotilla/bus/v1/bus.proto',
      'flotilla/credentials/v1/credentials.proto',
      'flotilla/identity/v1/identity.proto',
    ]);
  })(),
]);
writeFileSync(stamp, inputs);
console.log('codegen: done');
