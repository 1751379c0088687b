import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltImage } from './images.ts';
import { writeArchive } from './oci.ts';

export interface ArchiveOptions {
  readonly folder: string;
  /** Whether to write all images into one archive, with each shared layer once, or each into its own archive. */
  readonly isWhole: boolean;
  readonly report: (line: string) => void;
}

/** Writes archives and returns their paths. Archives whose images are unchanged are not written again. */
export async function writeArchives(
  images: readonly BuiltImage[],
  { folder, isWhole, report }: ArchiveOptions,
): Promise<readonly string[]> {
  const archives = isWhole
    ? [{ file: join(folder, 'all.tar'), content: images }]
    : images.map((image) => ({ file: join(folder, `${image.name}.tar`), content: [image] }));
  for (const { file, content } of archives) {
    const note = `${file}.images`;
    const state = content.map(({ reference, digest }) => `${reference}@${digest}\n`).join('');
    if (existsSync(file) && existsSync(note) && readFileSync(note, 'utf8') === state) continue;
    report(`writing ${file}`);
    await writeArchive(file, content);
    writeFileSync(note, state);
  }
  return archives.map(({ file }) => file);
}
