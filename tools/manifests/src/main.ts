import { Argument, Command } from 'commander';
import { stringify } from 'yaml';
import { buildCustomResourceDefinition, customKinds } from '@flotilla/model';
import { buildInstallation, defaultManifestOptions, shapes, type Shape } from '@flotilla/operator-manifests';

const { hub, tag, domain, trustDomain } = defaultManifestOptions;

/** `npm run manifests -- SHAPE`. */
const program = new Command('manifests')
  .description('Prints everything that is applied to install a control plane: as in deploy, with names of your own.')
  .addArgument(new Argument('<shape>', 'which control plane').choices(shapes))
  .option('--hub <prefix>', 'first part of the names of images', hub)
  .option('--tag <tag>', 'last part of the names of images', tag)
  .option('--domain <domain>', 'DNS suffix of the cluster', domain)
  .option('--trust-domain <domain>', 'trust domain, the first part of every identity', trustDomain)
  .action((shape: Shape, options: Partial<typeof defaultManifestOptions>) => {
    const objects = [
      ...customKinds.map((kind) => buildCustomResourceDefinition(kind)),
      ...buildInstallation(shape, { ...defaultManifestOptions, ...options }),
    ];
    const write = (object: object): string => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
    process.stdout.write(objects.map(write).join('---\n'));
  });
program.parse();
