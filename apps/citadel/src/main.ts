import { openPlatform, platformSettings } from '@flotilla/citadel-kubernetes';
import { citadelSettings, wireCitadel } from '@flotilla/citadel-service';
import { watchFiles } from '@flotilla/files';
import {
  commonSettings,
  domainSettings,
  grpcLimits,
  grpcRunner,
  grpcSettings,
  runApp,
  systemNamespaceSettings,
} from '@flotilla/runtime';
import { setting } from '@flotilla/std';

const folder = '.cache/citadel';

await runApp(
  {
    name: 'citadel',
    describe: 'The certificate authority: signs the certificates of workloads and of the control plane.',
    settings: {
      ...commonSettings('127.0.0.4'),
      ...citadelSettings(folder),
      ...platformSettings(),
      ...domainSettings(),
      ...systemNamespaceSettings(),
      grpcPort: setting.port('certificate service, TLS (0: any)', 15_022),
      maxCaConnections: setting.count(
        'connections at once on this port; one more closes the longest idle, those without a client certificate first',
        5000,
      ),
      ...grpcSettings(),
    },
  },
  async (options, { observability, guard }) => {
    const { citadel, secrets, runners } = await wireCitadel(options, {
      folder,
      platform: await openPlatform(options),
      secretFiles: watchFiles(options.secretsDir),
      observability,
    });
    const ca = grpcRunner({
      name: 'ca',
      log: observability.log,
      services: [citadel, citadel.identity, secrets],
      at: { host: options.bind, port: options.grpcPort },
      tls: { source: citadel.certificate, clients: 'optional' },
      ...guard('ca', options.maxCaConnections),
      grpc: { ...grpcLimits(options), maxMessageBytes: 1 << 20 },
    });
    return {
      runners: [ca.runner, ...runners],
      ready: { ca: ca.listening },
      close: citadel.close,
    };
  },
);
