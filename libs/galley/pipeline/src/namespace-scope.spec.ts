import { describe, expect, it } from 'vitest';
import type { Batch } from '@flotilla/model';
import { FileObjects } from './file-objects.ts';
import { fileScopes } from './load.ts';
import { Pipeline } from './pipeline.ts';

const mesh = (discoverySelectors: readonly object[]): unknown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  // The reader of files has read the YAML in it.
  data: { mesh: { discoverySelectors } },
});
const namespace = (name: string, labels: object): unknown => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const entry = (namespaceName: string): unknown => ({
  apiVersion: 'networking.istio.io/v1beta1',
  kind: 'ServiceEntry',
  metadata: { name: 'api', namespace: namespaceName },
  spec: { hosts: ['api.test'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'STATIC' },
});
const service = (namespaceName: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: namespaceName },
  spec: { ports: [{ port: 80, name: 'http' }] },
});
const selectors = [{ matchLabels: { mesh: 'a' } }];

function open(scopesConfiguration: boolean) {
  const files = new FileObjects();
  const sources = [{ name: 'files', scopes: fileScopes() }];
  const pipeline = new Pipeline({ session: 's', sources, scopesConfiguration });
  const inForce = (): readonly string[] =>
    [...pipeline.resources].map(({ collection, meta }) => `${collection} ${meta.namespace}/${meta.name}`).sort();
  const write = (path: string, ...values: readonly unknown[]): Batch => {
    const documents = values.map((value, i) => ({ index: i + 1, value }));
    return pipeline.apply('files', [files.read({ path, documents })]);
  };
  return { write, inForce, pipeline };
}
const entries = (names: readonly string[]): readonly string[] => names.filter((name) => name.startsWith('service-en'));

describe('discoverySelectors and the objects of Istio', () => {
  it('decide on them only where that is switched on', () => {
    const { write, inForce } = open(false);
    write('a.yaml', mesh(selectors), entry('shop'));
    expect(entries(inForce())).toEqual(['service-entries shop/api']);
  });

  it('let everything of a namespace come and go with its labels, and leave other kinds to pilot', () => {
    const { write, inForce, pipeline } = open(true);
    write('a.yaml', mesh(selectors), entry('shop'), entry('bank'), service('shop'));
    expect(entries(inForce())).toEqual([]);
    expect(inForce()).toContain('services shop/web');
    const batch = write('b.yaml', namespace('shop', { mesh: 'a' }), namespace('bank', { mesh: 'b' }));
    expect(batch.put.map(({ resource }) => resource.collection)).toContain('service-entries');
    expect(entries(inForce())).toEqual(['service-entries shop/api']);
    const gone = write('b.yaml', namespace('shop', {}), namespace('bank', { mesh: 'a' }));
    expect(gone.delete.map(({ collection, key }) => `${collection} ${key.namespace}`)).toEqual([
      'service-entries shop',
    ]);
    expect(entries(inForce())).toEqual(['service-entries bank/api']);
    expect(pipeline.problems.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('come and go themselves', () => {
    const { write, inForce } = open(true);
    write('objects.yaml', namespace('shop', {}), entry('shop'));
    expect(entries(inForce())).toEqual(['service-entries shop/api']);
    write('mesh.yaml', mesh(selectors));
    expect(entries(inForce())).toEqual([]);
    write('mesh.yaml', mesh([{}]));
    expect(entries(inForce())).toEqual(['service-entries shop/api']);
    write('mesh.yaml', mesh([]));
    expect(entries(inForce())).toEqual(['service-entries shop/api']);
  });
});
