import { existsSync, globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { strykerOptions } from './options.ts';
import { packages, targetOf } from './packages.ts';

const root = resolve(import.meta.dirname, '../../..');

describe('what is mutated', () => {
  it.each(packages)('$name exists, with the specs that have to notice', ({ folder, specs, files }) => {
    expect(existsSync(join(root, folder))).toBe(true);
    for (const pattern of [...specs, ...files]) expect(globSync(pattern, { cwd: root })).not.toEqual([]);
  });

  it.each(packages)('$name is named by its folder too, and a file of it by its path', (mutated) => {
    const { name, folder } = mutated;
    expect([targetOf(name), targetOf(folder)]).toEqual([{ mutated }, { mutated }]);
    expect(targetOf(`${folder}/index.ts`)).toEqual({ mutated, file: `${folder}/index.ts` });
  });

  it.each(['libs/std', 'libs/query/src/key.spec.ts', 'libs/query/src/testdata/a.yaml', 'libs/query/srcs/a.ts', ''])(
    'is nothing in %j',
    (path) => expect(targetOf(path)).toBeUndefined(),
  );

  it('has to be killed to the minimum, or the run fails', () => {
    for (const mutated of packages) {
      const { thresholds, mutate } = strykerOptions({ mutated }, false);
      expect(thresholds?.break).toBe(mutated.minimum);
      expect(mutate).toContain(`!${mutated.folder}/**/*.spec.ts`);
    }
  });
});
