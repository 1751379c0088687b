import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { messageOf } from '@flotilla/std';
import { buildImages, imageNames } from './images.ts';
import { writeArchives } from './archives.ts';
import { describeImages, imageTable } from './describe.ts';
import { checkout, defaultHub, defaultTag } from './settings.ts';

const report = (line: string): void => console.error(`images: ${line}`);

/** `npm run images -- [NAME...]`. Exits 1 when an image can't be built, 2 for misuse. */
const program = new Command('images')
  .description('Builds container images without a container engine, as archives that `npm run cluster -- load` takes.')
  .argument('[name...]', `the images to build, each into an archive of its own; all, into one archive, by default`)
  .option('--hub <prefix>', 'first part of the names', defaultHub)
  .option('--tag <tag>', 'last part of the names', defaultTag)
  .option('--output <folder>', 'where archives are written', join(checkout, '.cache/images'))
  .option('--pull', 'take the newest Debian packages instead of those that were taken before')
  .option('--json', 'print names, digests, layers and sizes as JSON')
  .addHelpText('after', `\nImages: ${imageNames.join(', ')}`)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

interface Options {
  readonly hub: string;
  readonly tag: string;
  readonly output: string;
  readonly pull?: boolean;
  readonly json?: boolean;
}

program.action(async (names: readonly string[], { hub, tag, output, pull = false, json }: Options) => {
  const images = await buildImages(names.length === 0 ? imageNames : names, { hub, tag, pull, report });
  const archives = await writeArchives(images, { folder: resolve(output), isWhole: names.length === 0, report });
  console.log(json ? JSON.stringify(describeImages(images, archives), undefined, 2) : imageTable(images, archives));
});
try {
  await program.parseAsync();
} catch (thrown) {
  report(messageOf(thrown));
  process.exit(1);
}
