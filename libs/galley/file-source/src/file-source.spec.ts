import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceChange } from '@flotilla/model';
import { createFileSource, parseDocuments } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'flotilla-galley-'));
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
    writeFileSync(config, 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n');
    const stop = new AbortController();
    const source = createFileSource([config], { meshConfig: mesh }).run(stop.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown[]> =>
      ((await source.next()).value as readonly SourceChange[]).flatMap(({ events }) =>
        events.flatMap((event) => (event.type === 'object' ? [[event.collection, event.object]] : [])),
      );
    expect(await next()).toEqual([
      ['services', expect.objectContaining({ kind: 'Service' })],
      ['mesh-config', { accessLogFile: '/dev/stdout' }],
    ]);
    writeFileSync(join(dir, '.new'), 'accessLogFile: /dev/null');
    renameSync(join(dir, '.new'), mesh);
    expect(await next()).toEqual([['mesh-config', { accessLogFile: '/dev/null' }]]);
    stop.abort();
    await source.return?.();
  });
});
