import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSource, MemorySource, type RawObject } from '@flotilla/testing';
import { createFileSource } from './index.ts';

describeSource('memory', (objects) => {
  const source = new MemorySource({ objects });
  return Promise.resolve({
    source,
    put: (object) => source.put(object),
    delete: (object) => source.delete(object),
    cut: () => source.cut(1000),
    restore: () => source.restore(),
  });
});

describeSource('files', (objects) => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-source-'));
  const fileOf = ({ metadata: { name } }: RawObject): string => join(folder, `${name}.yaml`);
  const put = (object: RawObject): void => {
    writeFileSync(join(folder, '.draft'), JSON.stringify(object, null, 2));
    renameSync(join(folder, '.draft'), fileOf(object));
  };
  for (const object of objects) put(object);
  return Promise.resolve({
    source: createFileSource([folder]),
    put,
    delete: (object) => rmSync(fileOf(object)),
    close: () => rmSync(folder, { recursive: true }),
  });
});
