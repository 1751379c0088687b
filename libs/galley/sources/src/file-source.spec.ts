import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createFileSource, parseDocuments, type FileFound } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-galley-'));
afterAll(() => rmSync(dir, { recursive: true }));
const map = (mesh: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n    ${mesh}\n`;
const documentsOf = (text: string) => {
  const parsed = parseDocuments(new TextEncoder().encode(text));
  return 'documents' in parsed ? parsed.documents : [];
};

describe("the mesh's configuration", () => {
  it('is YAML inside a ConfigMap, and its key is named when it is broken', () => {
    expect(documentsOf(map('accessLogFile: /dev/stdout'))).toMatchObject([
      { value: { data: { mesh: { accessLogFile: '/dev/stdout' } } } },
    ]);
    expect(documentsOf(map('a: [1'))).toMatchObject([
      { problem: { message: expect.stringMatching(/^data\.mesh: /) as string } },
    ]);
    expect(documentsOf(map('a: 1').replace('name: istio,', 'name: other,'))).toMatchObject([
      { value: { data: { mesh: 'a: 1\n' } } },
    ]);
  });

  it('can be a file of its own, watched like the others', async () => {
    const [mesh, config] = [join(dir, 'mesh.yaml'), join(dir, 'config.yaml')];
    writeFileSync(mesh, 'accessLogFile: /dev/stdout');
    writeFileSync(config, 'v: 1');
    const stop = new AbortController();
    const source = createFileSource([config], { meshConfig: mesh }).run(stop.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown[]> =>
      ((await source.next()).value as readonly FileFound[]).map(({ documents }) => documents?.[0]?.value);
    expect(await next()).toEqual([
      { v: 1 },
      expect.objectContaining({ kind: 'ConfigMap', data: { mesh: { accessLogFile: '/dev/stdout' } } }),
    ]);
    writeFileSync(join(dir, '.new'), 'accessLogFile: /dev/null');
    renameSync(join(dir, '.new'), mesh);
    expect(await next()).toEqual([expect.objectContaining({ data: { mesh: { accessLogFile: '/dev/null' } } })]);
    stop.abort();
    await source.return?.();
  });
});
