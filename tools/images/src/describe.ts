import type { BuiltImage } from './images.ts';

/** What `--json` prints. Sizes are in bytes: `size` of the compressed layers, `unpackedSize` of all files. */
export const describeImages = (images: readonly BuiltImage[], archives: readonly string[]) => ({
  archives,
  images: images.map(({ name, reference, digest, layers, unpackedSize }) => ({
    name,
    reference,
    digest,
    unpackedSize,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    layers: layers.map((layer) => ({
      title: layer.title,
      digest: layer.digest,
      size: layer.size,
      unpackedSize: layer.unpackedSize,
    })),
  })),
});

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** A table for people: MB of 1,000,000 bytes. */
export function imageTable(images: readonly BuiltImage[], archives: readonly string[]): string {
  const rows = images.map(({ reference, layers, unpackedSize, digest }) => [
    reference,
    megabytes(unpackedSize),
    megabytes(layers.reduce((sum, { size }) => sum + size, 0)),
    megabytes(layers.at(-1)?.unpackedSize ?? 0),
    digest.slice(0, 19),
  ]);
  const all = [['image', 'unpacked MB', 'compressed MB', 'program MB', 'digest'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  return [...lines, '', ...archives].join('\n');
}
