import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseOptions } from './options.ts';
import { setting } from '@flotilla/std';

const program = {
  name: 'citadel',
  describe: 'tested',
  settings: {
    bind: setting.text('address', '127.0.0.4'),
    grpcPort: setting.port('xDS', 15_010),
    maxWait: setting.duration('longest wait', '10s', { env: 'PILOT_DEBOUNCE_MAX' }),
    configDir: setting.list('folders', ['a']),
    bus: setting.choice('transport', ['nats', 'grpc'], { value: 'nats' }),
    verbose: setting.toggle('tell more'),
    token: setting.optionalText('token'),
  },
};
const file = (content: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'options-')), 'options.yaml');
  writeFileSync(path, content);
  return path;
};
/** What a refused command line says, and its exit code. */
function refused(args: readonly string[]): string {
  const said: string[] = [];
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => said.push(String(chunk)) > 0);
  try {
    parseOptions(program, args);
  } catch (thrown) {
    return `${(thrown as { exitCode: number }).exitCode} ${said.join('')}`;
  } finally {
    stderr.mockRestore();
  }
  return 'accepted';
}

describe('options', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('have their defaults, with their types', () => {
    expect(parseOptions(program, [])).toEqual({
      bind: '127.0.0.4',
      grpcPort: 15_010,
      maxWait: 10_000,
      configDir: ['a'],
      bus: 'nats',
      verbose: false,
    });
  });
  it('take a flag over the environment over the file over the default', () => {
    vi.stubEnv('CITADEL_GRPC_PORT', '2');
    vi.stubEnv('CITADEL_BIND', 'env');
    vi.stubEnv('PILOT_DEBOUNCE_MAX', '1.5s');
    const path = file('grpc-port: 3\nbind: file\nbus: grpc\nmax-wait: 1h\nverbose: true\nconfig-dir: [x, z]\n');
    expect(parseOptions(program, ['--grpc-port', '1', '--config-file', path])).toMatchObject({
      grpcPort: 1,
      bind: 'env',
      bus: 'grpc',
      maxWait: 1500,
      verbose: true,
      configDir: ['x', 'z'],
    });
  });
  it('gather a repeated flag, and split one text', () => {
    vi.stubEnv('CITADEL_CONFIG_DIR', 'p, q');
    expect(parseOptions(program, []).configDir).toEqual(['p', 'q']);
    expect(parseOptions(program, ['--config-dir', 'b', '--config-dir', 'c,d', '--verbose']).configDir).toEqual([
      'b',
      'c',
      'd',
    ]);
    expect(parseOptions(program, ['--verbose', 'false']).verbose).toBe(false);
  });
  it.each([
    [['--nonsense'], /unknown option '--nonsense'/],
    [['extra'], /too many arguments/],
    [['--grpc-port', '70000'], /"70000" is not a port/],
    [['--max-wait', '5'], /"5" is not a duration/],
    [['--bus', 'pigeon'], /"pigeon" is not one of nats, grpc/],
    [['--config-file', '/nowhere.yaml'], /\/nowhere.yaml: ENOENT/],
    [['--config-file', file('gprc-port: 1')], /unknown option gprc-port; there are: .*grpc-port/],
    [['--config-file', file('a: 1\na: 2')], /unique/],
    [['--config-file', file('- a')], /expected a mapping/],
    [['--config-file', file('grpc-port: many')], /grpc-port: "many" is not a port/],
  ])('refuse %j, saying why', (args, message) => {
    expect(refused(args)).toMatch(message);
  });
  it('refuse a wrong value in the environment', () => {
    vi.stubEnv('CITADEL_GRPC_PORT', 'x');
    expect(refused([])).toMatch(/CITADEL_GRPC_PORT/);
  });
});
