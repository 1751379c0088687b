import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImages, imageCache, imageNames, type BuiltImage } from '@flotilla/tool-images';
import { beforeAll, describe, expect, it } from 'vitest';
import { run, runInside, unpack } from './root-file-system.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-images-'));
const options = { hub: 'localhost/flotilla', tag: 'test', pull: false, report: () => {} };
const roots = new Map<string, string>();
let images: readonly BuiltImage[] = [];

beforeAll(async () => {
  images = await buildImages(imageNames, options);
  for (const image of images) roots.set(image.name, unpack(image, dir));
}, 600_000);

const imageNamed = (name: string): BuiltImage =>
  images.find((image) => image.name === name) ?? expect.fail(`there is no image ${name}`);
const rootOf = (name: string): string => roots.get(name) ?? expect.fail(`${name} was not unpacked`);
/** All paths in an image, without a leading slash. */
const pathsIn = (name: string): readonly string[] => readdirSync(rootOf(name), { recursive: true }).map(String);
const proxy = 'proxyv2';

describe.each(imageNames)('the image %s', (name) => {
  it('starts with no files but its own', () => {
    expect(runInside(rootOf(name), imageNamed(name))).toMatch(/usage|commands/i);
  });

  it(`has at most ${name === proxy ? 350 : 250} MB`, () => {
    expect(imageNamed(name).unpackedSize).toBeLessThanOrEqual((name === proxy ? 350 : 250) * 1e6);
    const [size = ''] = run(['du', '--summarize', '--apparent-size', '--block-size=1', rootOf(name)]).split('\t');
    expect(Number(size)).toBeLessThanOrEqual((name === proxy ? 350 : 250) * 1e6);
  });

  it('runs as a user who is not root', () => {
    const { config } = JSON.parse(imageNamed(name).config.toString()) as { config: { User: string } };
    expect(config.User).toBe(name === proxy ? '1337:1337' : '65532:65532');
    expect(readFileSync(join(rootOf(name), 'etc/passwd'), 'utf8')).toContain(`:${config.User}:`);
  });

  it('has no shell, no package manager and no compiler', () => {
    const tools = /(^|\/)(sh|bash|dash|busybox|apt|apt-get|dpkg|npm|npx|corepack|python3?|perl|gcc|cc|make)$/;
    expect(pathsIn(name).filter((path) => /(^|\/)s?bin\//.test(path) && tools.test(path))).toEqual([]);
  });

  it('has no setuid programs, and nothing that everybody may change but /tmp', () => {
    expect(run(['find', rootOf(name), '-perm', '/6000'])).toBe('');
    const open = run(['find', rootOf(name), '-perm', '-o+w', '-not', '-type', 'l', '-printf', '%P\n']);
    expect(open.trim().split('\n').toSorted()).toEqual(['tmp', 'var/tmp']);
  });

  it('lists its Debian packages', () => {
    const found = readdirSync(join(rootOf(name), 'var/lib/dpkg/status.d'));
    expect(found).toEqual(expect.arrayContaining(['libc6', ...(name === proxy ? ['iptables', 'libxtables12'] : [])]));
    for (const file of found)
      expect(readFileSync(join(rootOf(name), 'var/lib/dpkg/status.d', file), 'utf8')).toMatch(/^Version: /m);
  });
});

describe('all images', () => {
  it('share their common layers', () => {
    const layers = (title: string): ReadonlySet<string | undefined> =>
      new Set(images.map((image) => image.layers.find((layer) => layer.title === title)?.digest));
    expect(layers('base').size).toBe(1);
    expect(layers('node').size).toBe(1);
  });

  it('have the same digests when everything is packed again', async () => {
    const before = process.env['FLOTILLA_CACHE'];
    const elsewhere = join(dir, 'elsewhere');
    mkdirSync(join(elsewhere, 'images'), { recursive: true });
    for (const name of readdirSync(imageCache()))
      if (name.startsWith('debian-'))
        cpSync(join(imageCache(), name), join(elsewhere, 'images', name), { recursive: true });
    process.env['FLOTILLA_CACHE'] = elsewhere;
    try {
      const again = await buildImages(imageNames, options);
      const digests = (built: readonly BuiltImage[]) => built.map(({ reference, digest }) => [reference, digest]);
      expect(digests(again)).toEqual(digests(images));
    } finally {
      if (before === undefined) delete process.env['FLOTILLA_CACHE'];
      else process.env['FLOTILLA_CACHE'] = before;
    }
  }, 600_000);
});

describe('programs that are not ours', () => {
  it.each([
    [proxy, ['envoy', '--version'], 'envoy'],
    [proxy, ['iptables', '--version'], 'nf_tables'],
    [proxy, ['ip6tables-restore', '--version'], 'nf_tables'],
    [proxy, ['iptables-save', '--version'], 'nf_tables'],
    [proxy, ['iptables-legacy', '--version'], 'legacy'],
    ['nats', ['nats-server', '--version'], 'nats-server: v'],
    ['pilot', ['node', '--version'], 'v24.'],
  ])('%s: %j', (name, command, text) => {
    expect(runInside(rootOf(name), imageNamed(name), command)).toContain(text);
  });

  it('no image of a service has iptables or Envoy', () => {
    const found = imageNames
      .filter((name) => name !== proxy)
      .flatMap((name) => pathsIn(name).filter((path) => /iptables|xtables|(^|\/)envoy$/.test(path)));
    expect(found).toEqual([]);
  });
});
