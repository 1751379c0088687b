import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchFiles, type FileFound } from './index.ts';

let dir = '';
let stop = new AbortController();
let batches: AsyncIterator<readonly FileFound[]> | undefined;
const at = (...names: string[]): string => join(dir, ...names);
const put = (name: string, text: string): void => {
  writeFileSync(at(`.${name.replaceAll('/', '_')}.tmp`), text);
  renameSync(at(`.${name.replaceAll('/', '_')}.tmp`), at(name));
};
const start = (paths: readonly string[]): void =>
  void (batches = watchFiles(paths).run(stop.signal)[Symbol.asyncIterator]());
/** What the next batch reports: the value of each document, the code of a problem, or that the file is gone. */
async function next(): Promise<Record<string, unknown>> {
  const { value } = (await batches?.next()) as { value: readonly FileFound[] };
  return Object.fromEntries(
    value.map(({ path, documents, problem }) => [
      relative(dir, path),
      problem?.code ?? documents?.map((one) => one.value ?? one.problem?.code) ?? 'gone',
    ]),
  );
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-source-'));
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await (batches as AsyncGenerator | undefined)?.return(undefined);
  rmSync(dir, { recursive: true, force: true });
});

describe('files as a source', () => {
  it("gives first all there is, without what is hidden, an editor's or of another kind", async () => {
    mkdirSync(at('sub', 'deep'), { recursive: true });
    for (const name of [
      'b.yaml',
      'a.yml',
      'c.json',
      'sub/deep/d.yaml',
      '.hidden.yaml',
      'x.yaml~',
      '#x.yaml#',
      '.x.yaml.swp',
      'notes.txt',
    ])
      writeFileSync(at(name), '{"a": 1}');
    start([dir]);
    expect(await next()).toEqual({
      'a.yml': [{ a: 1 }],
      'b.yaml': [{ a: 1 }],
      'c.json': [{ a: 1 }],
      'sub/deep/d.yaml': [{ a: 1 }],
    });
  });

  it('reports a file that is replaced, written, new or gone, and no other', async () => {
    for (const name of ['a.yaml', 'b.yaml']) writeFileSync(at(name), 'v: 1');
    start([dir]);
    await next();
    put('a.yaml', 'v: 2');
    expect(await next()).toEqual({ 'a.yaml': [{ v: 2 }] });
    appendFileSync(at('a.yaml'), '\n---\nw: 1');
    expect(await next()).toEqual({ 'a.yaml': [{ v: 2 }, { w: 1 }] });
    writeFileSync(at('c.yaml'), 'v: 1');
    expect(await next()).toEqual({ 'c.yaml': [{ v: 1 }] });
    rmSync(at('b.yaml'));
    expect(await next()).toEqual({ 'b.yaml': 'gone' });
  });

  it('reports a burst as one batch', async () => {
    start([dir]);
    expect(await next()).toEqual({});
    for (const name of ['a', 'b', 'c', 'd']) put(`${name}.yaml`, 'v: 1');
    expect(Object.keys(await next())).toEqual(['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml']);
  });

  it('waits for a file that was emptied to be written', async () => {
    writeFileSync(at('a.yaml'), 'v: 1');
    start([dir]);
    await next();
    writeFileSync(at('a.yaml'), '');
    const batch = next();
    setTimeout(() => writeFileSync(at('a.yaml'), 'v: 2'), 40);
    expect(await batch).toEqual({ 'a.yaml': [{ v: 2 }] });
  });

  it('follows folders that come and go', async () => {
    start([dir]);
    await next();
    mkdirSync(at('.new'));
    writeFileSync(at('.new', 'a.yaml'), 'v: 1');
    renameSync(at('.new'), at('new'));
    expect(await next()).toEqual({ 'new/a.yaml': [{ v: 1 }] });
    put('new/a.yaml', 'v: 2');
    expect(await next()).toEqual({ 'new/a.yaml': [{ v: 2 }] });
    rmSync(at('new'), { recursive: true });
    expect(await next()).toEqual({ 'new/a.yaml': 'gone' });
  });

  it('follows a link to another folder, but none to one that it is in', async () => {
    mkdirSync(at('mesh', 'sub'), { recursive: true });
    mkdirSync(at('else'));
    symlinkSync(at('mesh'), at('mesh', 'sub', 'up'));
    symlinkSync('..', at('mesh', 'sub', 'up.yaml'));
    symlinkSync('/', at('mesh', 'top'));
    symlinkSync('../else', at('mesh', 'other'));
    for (const path of ['mesh/a.yaml', 'else/b.yaml']) writeFileSync(at(path), 'v: 1');
    start([at('mesh')]);
    expect(await next()).toEqual({ mesh: 'left-out', 'mesh/a.yaml': [{ v: 1 }], 'mesh/other/b.yaml': [{ v: 1 }] });
  });

  it('reads a folder once, however many links lead to it, by its own path first', async () => {
    for (const name of ['a', 'b']) mkdirSync(at('mesh', name), { recursive: true });
    for (const name of ['a', 'b'])
      for (const link of ['one', 'two']) symlinkSync(`../${name === 'a' ? 'b' : 'a'}`, at('mesh', name, link));
    symlinkSync('b', at('mesh', 'aa'));
    for (const name of ['a', 'b']) writeFileSync(at('mesh', name, 'x.yaml'), 'v: 1');
    start([at('mesh')]);
    const first = (await batches?.next())?.value as readonly FileFound[];
    expect(first.map(({ path }) => relative(dir, path))).toEqual(['mesh', 'mesh/a/x.yaml', 'mesh/b/x.yaml']);
    expect(first[0]?.problem?.message).toContain(`${at('mesh', 'aa')} (the same folder as ${at('mesh', 'b')})`);
    rmSync(at('mesh', 'b'), { recursive: true });
    let found = await next();
    while (found['mesh'] === undefined) found = { ...found, ...(await next()) };
    expect(found).toEqual({ mesh: 'gone', 'mesh/b/x.yaml': 'gone' });
  });

  it('reads a folder by another path when the first is gone', async () => {
    for (const name of ['mesh', 'else']) mkdirSync(at(name));
    writeFileSync(at('else', 'x.yaml'), 'v: 1');
    for (const name of ['one', 'two']) symlinkSync('../else', at('mesh', name));
    start([at('mesh')]);
    expect(await next()).toEqual({ mesh: 'left-out', 'mesh/two/x.yaml': [{ v: 1 }] });
    rmSync(at('mesh', 'two'));
    let found = await next();
    while (found['mesh/one/x.yaml'] === undefined) found = { ...found, ...(await next()) };
    expect(found).toEqual({ mesh: 'gone', 'mesh/two/x.yaml': 'gone', 'mesh/one/x.yaml': [{ v: 1 }] });
  });

  it('names what is beyond a limit, and reads it when there is room', async () => {
    mkdirSync(at('mesh', 'one', 'two', 'three'), { recursive: true });
    for (const path of ['a.yaml', 'b.yaml', 'one/c.yaml', 'one/two/d.yaml']) writeFileSync(at('mesh', path), 'v: 1');
    batches = watchFiles([at('mesh')], { limits: { files: 2, depth: 1 } })
      .run(stop.signal)
      [Symbol.asyncIterator]();
    const [problem, ...files] = (await batches.next()).value as readonly FileFound[];
    expect(files.map(({ path }) => relative(dir, path))).toEqual(['mesh/a.yaml', 'mesh/b.yaml']);
    expect(problem).toMatchObject({
      path: at('mesh'),
      problem: {
        code: 'left-out',
        level: 'error',
        message: `not read: ${at('mesh/one/c.yaml')} (more than 2 files), ${at('mesh/one/two')} (more than 1 folders deep)`,
      },
    });
    rmSync(at('mesh', 'a.yaml'));
    let found = await next();
    while (found['mesh/one/c.yaml'] === undefined) found = { ...found, ...(await next()) };
    expect(found).toEqual({ mesh: 'left-out', 'mesh/a.yaml': 'gone', 'mesh/one/c.yaml': [{ v: 1 }] });
  });

  it('reports names that are not UTF-8, found or put there later', async () => {
    const odd = (name: string): Buffer => Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(name, 'latin1')]);
    writeFileSync(odd('caf\xe9.yaml'), 'v: 1');
    writeFileSync(odd('notes-\xe9.txt'), 'v: 1');
    start([dir]);
    const message = async (): Promise<string | undefined> =>
      ((await batches?.next())?.value as readonly FileFound[])[0]?.problem?.message;
    expect(await message()).toBe(`not read: ${dir}/caf\\xe9.yaml (its name is not UTF-8; rename it)`);
    writeFileSync(odd('\xff.yaml'), 'v: 1');
    expect(await message()).toContain('/\\xff.yaml (its name is not UTF-8; rename it)');
    rmSync(odd('\xff.yaml'));
    rmSync(odd('caf\xe9.yaml'));
    let last = await message();
    while (last !== undefined) last = await message();
  });

  it('follows a link within a mounted volume to its new folder', async () => {
    const version = (name: string, file: string): void => {
      mkdirSync(at(`..${name}`, 'sub'), { recursive: true });
      writeFileSync(at(`..${name}`, 'sub', file), 'v: 1');
      symlinkSync(`..${name}`, at('..tmp'));
      renameSync(at('..tmp'), at('..data'));
    };
    version('one', 'a.yaml');
    symlinkSync('..data/sub', at('sub'));
    start([dir]);
    expect(await next()).toEqual({ 'sub/a.yaml': [{ v: 1 }] });
    version('two', 'b.yaml');
    expect(await next()).toEqual({ 'sub/a.yaml': 'gone', 'sub/b.yaml': [{ v: 1 }] });
    put('sub/b.yaml', 'v: 2');
    expect(await next()).toEqual({ 'sub/b.yaml': [{ v: 2 }] });
  });

  it('follows a mounted ConfigMap, whose link moves', async () => {
    const version = (name: string, text: string): void => {
      mkdirSync(at(`..${name}`));
      writeFileSync(at(`..${name}`, 'a.yaml'), text);
      symlinkSync(`..${name}`, at('..tmp'));
      renameSync(at('..tmp'), at('..data'));
    };
    version('one', 'v: 1');
    symlinkSync('..data/a.yaml', at('a.yaml'));
    start([dir]);
    expect(await next()).toEqual({ 'a.yaml': [{ v: 1 }] });
    version('two', 'v: 2');
    expect(await next()).toEqual({ 'a.yaml': [{ v: 2 }] });
  });

  it('reads single files, whatever they are called', async () => {
    writeFileSync(at('only.txt'), 'v: 1');
    start([at('only.txt')]);
    expect(await next()).toEqual({ 'only.txt': [{ v: 1 }] });
    put('only.txt', 'v: 2');
    expect(await next()).toEqual({ 'only.txt': [{ v: 2 }] });
  });

  it('refuses a file of 5 MB without reading it', async () => {
    writeFileSync(at('big.yaml'), 'x'.repeat(5 << 20));
    start([dir]);
    expect(await next()).toEqual({ 'big.yaml': 'too-large' });
  });

  it('is held up by no pipe, device or link in a circle, found or put there later', async () => {
    const odd = (prefix: string): void => {
      spawnSync('mkfifo', [at(`${prefix}-pipe.yaml`)]);
      symlinkSync('/dev/zero', at(`${prefix}-zero.yaml`));
      symlinkSync(`${prefix}-circle.yaml`, at(`${prefix}-circle.yaml`));
      writeFileSync(at(`${prefix}.yaml`), 'v: 1');
    };
    const expected = (prefix: string): object => ({
      [`${prefix}-pipe.yaml`]: 'unreadable',
      [`${prefix}-zero.yaml`]: 'unreadable',
      [`${prefix}-circle.yaml`]: 'unreadable',
      [`${prefix}.yaml`]: [{ v: 1 }],
    });
    odd('a');
    start([dir]);
    expect(await next()).toEqual(expected('a'));
    odd('b');
    let found = {};
    while (Object.keys(found).length < 4) found = { ...found, ...(await next()) };
    expect(found).toEqual(expected('b'));
  });

  it('reads one file only when one of many changes', async () => {
    for (let i = 0; i < 625; i += 1) writeFileSync(at(`r${i}.yaml`), `v: ${i}`);
    start([dir]);
    expect(Object.keys(await next())).toHaveLength(625);
    put('r300.yaml', 'v: -1');
    expect(await next()).toEqual({ 'r300.yaml': [{ v: -1 }] });
  });

  it('gives a reader that was busy each changed file once, as it is when asked for', async () => {
    writeFileSync(at('a.yaml'), 'v: 0');
    writeFileSync(at('end.yaml'), 'v: 0');
    const source = watchFiles([dir]).run(stop.signal)[Symbol.asyncIterator]();
    await source.next();
    for (let i = 1; i <= 50; i += 1) put('a.yaml', `v: ${i}`);
    const batches: (readonly FileFound[])[] = [];
    put('end.yaml', 'v: 1');
    while (!batches.flat().some(({ path }) => path.endsWith('end.yaml')))
      batches.push((await source.next()).value as readonly FileFound[]);
    const seen = batches.flat().filter(({ path }) => path.endsWith('a.yaml'));
    expect(seen.length).toBeLessThan(5);
    expect(seen.at(-1)?.documents?.[0]?.value).toEqual({ v: 50 });
  });

  it('leaves out a link to a file system of the kernel', async () => {
    symlinkSync('/proc', at('processes'));
    put('a.yaml', 'v: 1');
    start([dir]);
    expect(await next()).toEqual({ 'a.yaml': [{ v: 1 }], '': 'left-out' });
  });

  it("says at once when a path isn't there", () => expect(() => watchFiles([at('none')])).toThrow(/ENOENT/));
});
