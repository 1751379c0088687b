import { citadelSettings, createCitadel, createFileRootStore, createSecrets, ensureBootstrapTokens } from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import { serverCredentials } from '@flotilla/grpc';
import { commonSettings, grpcRunner, runApp } from '@flotilla/runtime';
import { setting } from '@flotilla/std';

await runApp({
  name: 'citadel',
  describe: 'The certificate authority: signs the certificates of workloads and of the control plane.',
  settings: { ...commonSettings('127.0.0.4'), ...citadelSettings(), grpcPort: setting.port('certificate service, TLS (0: any)', 15_022) },
}, async (options, { observability }) => {
  await ensureBootstrapTokens(options.bootstrapTokensFile);
  const citadel = await createCitadel({ ...options, root: createFileRootStore(options.rootFile), observability });
  const secrets = createSecrets({ ...options, source: watchFiles(options.secretsDir), observability });
  const ca = grpcRunner({
    name: 'ca', log: observability.log, services: [citadel, secrets],
    addresses: () => [{ address: `${options.bind}:${options.grpcPort}`, credentials: serverCredentials(citadel.certificate, 'optional') }],
  });
  return { runners: [ca.runner, { name: 'secrets', run: secrets.run }], ready: [ca.listening], close: citadel.close };
});
