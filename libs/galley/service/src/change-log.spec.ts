import { keyOf } from '@flotilla/model';
import { noObservability, type Fields, type Logger } from '@flotilla/observability-port';
import { resourceOf } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { logChanges } from './change-log.ts';

const entry = (name: string) =>
  resourceOf({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'shop' },
    spec: { hosts: [`${name}.test`], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'NONE' },
  });
const pod = resourceOf({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { containers: [] },
});

function logged(put: readonly ReturnType<typeof resourceOf>[], gone: readonly ReturnType<typeof resourceOf>[] = []) {
  const lines: unknown[] = [];
  const log: Logger = {
    ...noObservability.log,
    info: (message: string, fields: Fields = {}) => void lines.push(['info', message, fields]),
    debug: (message: string, fields: Fields | (() => Fields) = {}) => void lines.push(['debug', message, fields]),
  };
  logChanges(log, {
    session: 's',
    seq: 1,
    put: put.map((resource) => ({ resource })),
    delete: gone.map((resource) => ({ collection: resource.collection, key: keyOf(resource.meta) })),
    complete: [],
  });
  return lines;
}

describe('logChanges', () => {
  it('names what people have changed and removed', () => {
    expect(logged([entry('web'), pod], [entry('old')])).toEqual([
      ['info', 'configuration published', { changed: ['ServiceEntry shop/web'], removed: ['ServiceEntry shop/old'] }],
    ]);
  });

  it('names ten objects, and says how many more there are', () => {
    const [line] = logged(Array.from({ length: 25 }, (_, i) => entry(`web-${i}`))) as [[string, string, Fields]];
    expect(line[2]['changed']).toHaveLength(10);
    expect(line[2]['changedMore']).toBe(15);
  });

  it('logs neither the changes that a cluster makes by itself nor empty batches', () => {
    expect(logged([pod])).toEqual([['debug', 'state of the cluster published', { put: 1, deleted: 0 }]]);
    expect(logged([])).toEqual([]);
  });
});
