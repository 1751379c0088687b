import { injectorPlatformSettings, openInjectorPlatform } from '@flotilla/injector-kubernetes';
import { createInjector, injectorSettings, readConfig } from '@flotilla/injector-service';
import { commonSettings, domainSettings, runApp } from '@flotilla/runtime';
import { busSettings, createSubscriber } from '@flotilla/runtime/bus';
import { certificateSettings, createServiceCertificate } from '@flotilla/runtime/certificate';

await runApp(
  {
    name: 'sidecar-injector',
    describe: "Puts the proxy into pods: the API server's mutating webhook.",
    settings: {
      ...commonSettings('127.0.0.5'),
      ...certificateSettings(),
      ...busSettings('sidecar-injector'),
      ...injectorSettings(),
      ...injectorPlatformSettings(),
      ...domainSettings(),
    },
  },
  async (options, { observability, signal, guard }) => {
    const { log } = observability;
    const certificate = createServiceCertificate({ ...options, service: 'sidecar-injector', log });
    const subscriber = createSubscriber(options, { certificate, controlPlane: options, log, signal });
    const fallback = await readConfig(options.values, options);
    const kubernetes = await openInjectorPlatform(options, { certificate, fallback, observability });
    const injector = createInjector({
      ...options,
      subscriber,
      observability,
      config: kubernetes?.config ?? { current: () => fallback },
      signal,
    });
    const webhook = injector.serve({
      ...options,
      certificate,
      first: certificate.first,
      guard: guard('webhook', options.maxWebhookConnections),
    });
    return {
      runners: [
        certificate.runner,
        ...(kubernetes?.runners ?? []),
        { name: 'injector', run: injector.run },
        webhook.runner,
      ],
      ready: {
        ...kubernetes?.ready,
        "the mesh's configuration": injector.ready,
        webhook: webhook.listening,
      },
    };
  },
);
