import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { KubeError, resources, type KubeObject } from '@flotilla/kube-port';
import { customKinds } from '@flotilla/model';
import { corpusPath } from '@flotilla/testing';
import { becomes, openApiServer, type TestApiServer } from './api-server.ts';

const folder = join(import.meta.dirname, '../../../deploy/crds');
interface Case {
  readonly id: string;
  readonly kind: string;
  readonly yaml: string;
  readonly webhook?: { readonly allowed: boolean };
}

describe('the CRDs in deploy/crds, on a real API server', () => {
  let server: TestApiServer;
  beforeAll(async () => {
    server = await openApiServer();
    for (const file of readdirSync(folder).filter((name) => name.includes('.istio.io.'))) {
      const crd = parse(readFileSync(join(folder, file), 'utf8')) as KubeObject;
      await server.admin.create(resources.customResourceDefinitions, crd);
      const { name } = crd.metadata;
      await becomes(async () => isEstablished(await server.admin.get(resources.customResourceDefinitions, { name })));
    }
  }, 600_000);
  afterAll(() => server.close());

  it('serve every version of every kind', async () => {
    for (const { group, versions, plural, kind } of customKinds)
      for (const version of versions) {
        const resource = { group, versions: [version], plural };
        const object = { apiVersion: `${group}/${version}`, kind, metadata: { name: version, namespace: 'default' } };
        expect(await server.admin.create(resource, object)).toMatchObject({ metadata: { generation: 1 } });
      }
  });

  it('accept every object that Istio accepts', async () => {
    const refused: string[] = [];
    let tried = 0;
    for (const line of readFileSync(corpusPath('validation', 'cases.jsonl'), 'utf8').trim().split('\n')) {
      const { id, kind, yaml, webhook } = JSON.parse(line) as Case;
      const info = customKinds.find((one) => one.kind === kind);
      if (!info || !webhook?.allowed) continue;
      const object = parse(expand(yaml), { version: '1.1' }) as KubeObject;
      const [, version = ''] = object.apiVersion.split('/');
      const metadata = { ...object.metadata, name: `case-${(tried += 1)}`, namespace: 'default' };
      try {
        await server.admin.create({ ...info, versions: [version] }, { ...object, metadata });
      } catch (thrown) {
        if (!(thrown instanceof KubeError)) throw thrown;
        refused.push(`${id}: ${thrown.message}`);
      }
    }
    expect(refused).toEqual([]);
    expect(tried).toBeGreaterThan(100);
  });
});

/** Long texts are abbreviated in the corpus. */
const expand = (yaml: string): string =>
  yaml.replace(/\{\{repeat (\S+) (\d+)\}\}/g, (_match, text: string, count: string) => text.repeat(Number(count)));

function isEstablished(crd: KubeObject | undefined): boolean {
  const { conditions } = (crd?.['status'] ?? {}) as {
    conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  };
  return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}
