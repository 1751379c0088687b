import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';

/** An input of a golden pair: its path below the folder, and its documents. */
export interface GoldenInput {
  readonly input: string;
  readonly documents: readonly unknown[];
}

/** Each `testdata/NAME.in.yaml` below a folder, in order. Throws for one that is not YAML. */
export const goldenInputs = (folder: string): readonly GoldenInput[] =>
  globSync('**/testdata/*.in.yaml', { cwd: folder })
    .sort()
    .map((input) => ({
      input,
      documents: parseAllDocuments(readFileSync(join(folder, input), 'utf8'), { version: '1.1' }).map((document) => {
        const [mistake] = document.errors;
        if (mistake) throw new Error(`${input}: ${mistake.message}`);
        return document.toJS() as unknown;
      }),
    }));

/**
 * A test for each `testdata/NAME.in.yaml` below a folder: what `produce` makes of its documents is, as YAML,
 * `NAME.out.yaml` beside it. A missing output fails as a wrong one does (`vitest run FOLDER -u` writes them: read what
 * it wrote), and so does an output whose input is gone.
 */
export function goldenPairs(folder: string, produce: (documents: readonly unknown[]) => unknown): void {
  const inputs = goldenInputs(folder);
  it.each(inputs)('$input', async ({ input, documents }) => {
    await expect(stringify(produce(documents), { lineWidth: 160, aliasDuplicateObjects: false })).toMatchFileSnapshot(
      join(folder, outputOf(input)),
    );
  });
  it('every golden output has its input', () => {
    const outputs = globSync('**/testdata/*.out.yaml', { cwd: folder });
    expect(outputs.filter((output) => !existsSync(join(folder, output.replace(/out\.yaml$/, 'in.yaml'))))).toEqual([]);
    expect(inputs).not.toEqual([]);
  });
}

const outputOf = (input: string): string => input.replace(/in\.yaml$/, 'out.yaml');
