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
State is in FLOTILLA_CLUSTER (now ${folder}), what is built in FLOTILLA_CACHE (~/.cache/flotilla).
\`api\` uses the etcd and kube-apiserver in KUBEBUILDER_ASSETS when it is set, and needs no rights; the rest needs root.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
program
  .command('build')
  .description("install Debian's parts and build Kubernetes and CoreDNS from their Go modules, once; 3 to 5 minutes")
  .action(() => build('cluster', report));
program
  .command('up')
  .description('start it, in about 10 seconds; prints the path of its kubeconfig')
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
  .description('import images, which pods find unless they ask to pull always')
  .action((archive: string) => loadImage(folder, archive));
program
  .command('down')
  .description('end it and delete its state')
  .action(async () => {
    if (!(await stopCluster(folder))) report(`no cluster is in ${folder}`);
  });

try {
  await program.parseAsync();
  process.exit(0);
} catch (thrown) {
  report(messageOf(thrown));
  process.exit(1);
}
