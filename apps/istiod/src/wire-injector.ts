import type { createInProcessBus } from '@flotilla/bus-in-process';
import { createResumableSubscriber } from '@flotilla/bus-port';
import { openInjectorPlatform } from '@flotilla/injector-kubernetes';
import { createInjector, readConfig } from '@flotilla/injector-service';
import type { installationIn } from '@flotilla/runtime';
import type { Context, Options } from './settings.ts';

export interface InjectorParts {
  readonly bus: ReturnType<typeof createInProcessBus>;
  readonly installation: ReturnType<typeof installationIn>;
  readonly certificate: Parameters<ReturnType<typeof createInjector>['serve']>[0]['certificate'];
}

/** Sidecar-injector, its webhook, and its configuration from the cluster if there is one. */
export async function wireInjector(
  options: Options,
  { observability, signal, guard }: Context,
  { bus, installation, certificate }: InjectorParts,
) {
  const fallback = await readConfig(options.values, installation);
  const platform = await openInjectorPlatform(options, { certificate, fallback, observability });
  const subscriber = createResumableSubscriber(bus);
  const config = platform?.config ?? { current: () => fallback };
  const injector = createInjector({ ...options, subscriber, observability, config, signal });
  const webhook = injector.serve({ ...options, certificate, guard: guard('webhook', options.maxWebhookConnections) });
  return {
    runners: [...(platform?.runners ?? []), { name: 'injector', run: injector.run }, webhook.runner],
    ready: {
      ...platform?.ready,
      "the mesh's configuration": injector.ready,
      webhook: webhook.listening,
    },
  };
}
