import { resolve } from 'node:path';
import { Command } from 'commander';
import { messageOf } from '@flotilla/std';
import { build } from './build.ts';
import { loadImage, startApiServer, startCluster, stopCluster } from './cluster.ts';
import { stateFolder } from './settings.ts';

const report = (line: string): void => console.error(`cluster: ${line}`);
const folder = stateFolder();

/** `npm run cluster -- build|up|api|load ARCHIVE|down`. Exits 1 when a command fails, 2 for misuse. */
const program = new Command('cluster')
  .description('Runs a real one-node Kubernetes 1.34 on this machine, without Docker and in namespaces of its own.')
  .addHelpText(
    'after',
    `
State is kept in FLOTILLA_CLUSTER (now ${folder}), builds in FLOTILLA_CACHE (~/.cache/flotilla).
\`api\` needs no privileges, and uses the etcd and kube-apiserver in KUBEBUILDER_ASSETS if that is set. \`up\` and
\`load\` need root.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
program
  .command('build')
  .description('install Debian packages and build Kubernetes and CoreDNS from their Go modules, once; 3 to 5 minutes')
  .action(() => build('cluster', report));
program
  .command('up')
  .description('start a cluster, in about 10 seconds, and print the path of its kubeconfig')
  .action(async () => {
    build('cluster', report);
    console.log((await startCluster(folder)).kubeconfig);
  });
program
  .command('api')
  .description('start etcd and kube-apiserver alone, in about 3 seconds: enough for controllers, webhooks and RBAC')
  .action(async () => {
    build('api', report);
    console.log((await startApiServer(folder)).kubeconfig);
  });
program
  .command('load')
  .argument('<archive>', 'an OCI archive')
  .description('import images, which pods find unless their pull policy is Always')
  .action((archive: string) => loadImage(folder, resolve(archive)));
program
  .command('down')
  .description('stop the cluster and delete its state')
  .action(async () => {
    if (!(await stopCluster(folder))) report(`there is no cluster in ${folder}`);
  });

try {
  await program.parseAsync();
  process.exit(0);
} catch (thrown) {
  report(messageOf(thrown));
  process.exit(1);
}
