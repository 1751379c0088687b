import nx from '@nx/eslint-plugin';
import redos from 'eslint-plugin-redos';
import tseslint from 'typescript-eslint';
import { effects, pure, pureFiles } from './tools/setup/lint/pure.mjs';
import { wholeWords } from './tools/setup/lint/whole-words.mjs';

/** Who may depend on whom: docs/architecture.md has the picture. */
const layers = {
  std: ['std'],
  model: ['std', 'model'],
  port: ['std', 'model', 'port'],
  core: ['std', 'model', 'core'],
  // Sockets and files with deadlines and limits, for those that know what they are for.
  io: ['std', 'io'],
  adapter: ['std', 'model', 'port', 'core', 'io', 'adapter'],
  server: ['std', 'model', 'port', 'core', 'io', 'server'],
  service: ['std', 'model', 'port', 'core', 'io', 'server', 'service'],
  app: ['std', 'model', 'port', 'io', 'adapter', 'service'],
};
const scopes = ['pilot', 'galley', 'citadel', 'injector', 'agent', 'operator'];
const onlyTags = (names, prefix) => names.map((name) => `${prefix}:${name}`);

const depConstraints = [
  ...Object.entries(layers).map(([layer, to]) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: onlyTags(to, 'layer'),
  })),
  ...scopes.map((scope) => ({
    sourceTag: `scope:${scope}`,
    onlyDependOnLibsWithTags: [`scope:${scope}`, 'scope:shared'],
  })),
  { sourceTag: 'scope:shared', onlyDependOnLibsWithTags: ['scope:shared'] },
  { sourceTag: 'type:app', notDependOnLibsWithTags: ['type:app'] },
  { sourceTag: 'layer:harness', onlyDependOnLibsWithTags: ['*'] },
];

/**
 * What reads text from outside in time that is not proportional to it, or in a way of its own: libs/std/src/outside has
 * the readers.
 */
const readers = 'Text from outside is read by the readers of libs/std/src/outside.';
const slowProperties = [
  ['Number', 'parseInt'],
  ['Number', 'parseFloat'],
  ['Date', 'parse'],
].map(([object, property]) => ({ object, property, message: readers }));
const slowGlobals = ['parseInt', 'parseFloat'].map((name) => ({ name, message: readers }));
const slowSyntax = [
  ':matches(NewExpression, CallExpression)[callee.name="RegExp"]',
  'CallExpression[callee.property.name=/^(match|matchAll|search)$/][arguments.length=1][arguments.0.type="Literal"]:not([arguments.0.regex])',
].map((selector) => ({
  selector,
  message:
    "An expression that is made at run time is run by V8's engine, which backtracks: see docs/adr/0016-regular-expressions.md.",
}));
const slowReading = {
  'redos/no-vulnerable': ['error', { ignoreErrors: false, timeout: 30_000 }],
  'no-restricted-globals': ['error', ...slowGlobals],
  'no-restricted-properties': ['error', ...slowProperties],
  'no-restricted-syntax': ['error', ...slowSyntax],
};
/**
 * Where JSON is parsed that no reader of libs/std has bounded: it is our own writing. All other JSON and YAML is
 * somebody's text.
 */
const ownJson = [
  'libs/bus/port/src/{encoded,state}.ts', // Batches that galley wrote, over a bus that only galley may publish to.
  'libs/proto-gen/src/json.ts', // Descriptors that npm run setup generates.
];
const isReader = ['libs/std/src/outside/*.ts', 'libs/testing/**', '**/testing/**', '**/*.spec.ts'];
const bounded = 'Texts from outside are read within limits: use readJson or readYaml of @flotilla/std.';
const noYaml = { name: 'yaml', message: bounded };
const guarded =
  'Servers have deadlines and limits: use serveHttp or createListener of @flotilla/server, or listen of @flotilla/grpc.';
const ownServers = [
  ...['net', 'tls', 'http', 'https', 'http2'].map((name) => ({
    name: `node:${name}`,
    importNames: ['createServer', 'createSecureServer', 'Server'],
    message: guarded,
    allowTypeImports: true,
  })),
  { name: '@grpc/grpc-js', importNames: ['Server'], message: guarded, allowTypeImports: true },
];

const unfinished = 'Messages become bytes in libs/pilot/xds/src/finish alone: use finish or typedConfig.';
const encodeCall = 'CallExpression[callee.property.name="encode"]';
const encodeImport = { name: '@flotilla/proto-gen/envoy', importNames: ['encode'], message: unfinished };

const functionLines = (max) => ({
  'max-lines-per-function': ['error', { max, skipBlankLines: true, skipComments: true }],
});
/**
 * Functions that may be longer, up to 120 lines: factories whose result is a few closures over one state (the lines of
 * all these functions count with the factory), and programs that tell one course of events in order.
 */
const longFunctions = [
  'libs/agent/dns/src/dns-server.ts',
  'libs/agent/sds/src/workload-certificate.ts',
  'libs/agent/service/src/{agent,proxy-start}.ts',
  'libs/bus/grpc/src/{client,server}.ts',
  'libs/bus/nats/src/{jetstream-log,server-config}.ts',
  'libs/bus/port/src/{outbox,sessions}.ts',
  'libs/bus/port/src/report/{report-store,reporter}.ts',
  'libs/citadel/service/src/citadel.ts',
  'libs/galley/validation/src/regex.ts',
  'libs/grpc/src/listen.ts',
  'libs/injector/kubernetes/src/config-map-source.ts',
  'libs/injector/server/src/webhook.ts',
  'libs/kube/election/src/election.ts',
  'libs/pilot/jwks/src/key-set-source.ts',
  'libs/pilot/server/src/ads-server.ts',
  'libs/pilot/service/src/report/reports.ts',
  'libs/runtime/src/service-certificate.ts',
  'libs/runtime/src/watchdog/worker.ts',
  'libs/std/src/{fair-set,printable}.ts',
  'tools/control-plane/src/control-plane.ts',
  'tools/demo/src/{demo-mesh,scenario}.ts',
  'tools/demo/src/cluster/{state-folder,volumes}.ts',
];
/** Up to 400 lines: the shell of an xDS stream is one class, and a table of attacks is one list. */
const longFiles = ['libs/pilot/server/src/stream.ts', 'tools/attack/src/rows/**/*.ts'];
/** Tests, among them contracts, which are tests that several packages run. */
const tests = ['**/*.spec.ts', '**/*.fixture.ts', '**/testing/**', 'libs/testing/**'];

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/gen/**', '.cache/**', '.nx/**', 'libs/query/canary/**', '**/*.mjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: false, allow: [], depConstraints }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' },
      ],
      'max-len': [
        'error',
        {
          code: 120,
          ignoreStrings: true,
          ignoreTemplateLiterals: true,
          ignoreRegExpLiterals: true,
          ignoreUrls: true,
        },
      ],
      'max-lines': ['error', { max: 400 }],
      'max-params': ['error', { max: 3 }],
    },
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts', 'tools/**/*.ts'],
    ignores: tests,
    rules: { 'max-lines': ['error', { max: 300 }], ...functionLines(60) },
  },
  { files: longFunctions, rules: functionLines(120) },
  { files: longFiles, rules: { 'max-lines': ['error', { max: 400 }] } },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts', 'tools/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    plugins: { redos },
    rules: slowReading,
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts'],
    ignores: ['**/*.spec.ts', 'libs/{ads,query,galley/analysis,pilot/xds}/src/**'],
    plugins: { flotilla: { rules: { 'whole-words': wholeWords } } },
    rules: { 'flotilla/whole-words': 'error' },
  },
  { files: ['libs/std/src/outside/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['**/*.spec.ts', '**/*.fixture.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: ['@flotilla/testing'],
          depConstraints,
        },
      ],
      '@typescript-eslint/no-dynamic-delete': 'off',
    },
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts'],
    ignores: isReader,
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [noYaml, ...ownServers] }] },
  },
  {
    files: ['libs/server/src/*.ts', 'libs/grpc/src/listen.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: [noYaml] }] },
  },
  {
    files: ['libs/**/*.ts', 'apps/**/*.ts'],
    ignores: [...isReader, ...ownJson],
    rules: {
      'no-restricted-properties': ['error', ...slowProperties, { object: 'JSON', property: 'parse', message: bounded }],
    },
  },
  {
    files: pureFiles,
    ignores: [...effects, '**/*.spec.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-globals': ['error', ...slowGlobals, ...pure.globals],
      'no-restricted-syntax': ['error', ...slowSyntax, ...pure.syntax],
      'no-restricted-imports': ['error', pure.imports],
    },
  },
  {
    files: ['libs/pilot/xds/src/**/*.ts', 'libs/query/canary/early-bytes.ts'],
    ignores: ['libs/pilot/xds/src/finish/*.ts', '**/*.spec.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...slowSyntax, ...pure.syntax, { selector: encodeCall, message: unfinished }],
      'no-restricted-imports': ['error', { ...pure.imports, paths: [...pure.imports.paths, encodeImport] }],
    },
  },
);
