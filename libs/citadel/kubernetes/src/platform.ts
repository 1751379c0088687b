import { kubeSettings, openKubeClient } from '@flotilla/kube-client';
import type { AccessReader, SecretReader } from '@flotilla/citadel-credentials';
import { reviewToken, type KubeApi, type TokenVerdict } from '@flotilla/kube-port';
import { createLimits, type Logger, type Observability } from '@flotilla/observability-port';
import { setting, type OptionsOf } from '@flotilla/std';
import { createAccessReviews } from './access-reviews.ts';
import { createPluggedInCa, type PluggedInCa } from './plugged-in-ca.ts';
import { createRootDistribution } from './root-distribution.ts';
import { createSecretRootStore, type SecretRootStore } from './secret-root-store.ts';
import { createSecretWatches } from './secret-watches.ts';

/** What keeps citadel's root, verifies tokens and holds Secrets. */
export const platformSettings = () => ({
  platform: setting.choice(
    'where the root is kept, tokens are verified and the Secrets of gateways come from: files, or the API server of a cluster; with a cluster, every namespace also gets the root certificate',
    ['files', 'kubernetes'],
    { value: 'files' },
  ),
  maxSecretWatches: setting.count(
    'Secrets of gateways that are watched at a time, each over a connection of its own (platform kubernetes); one namespace never has more than are still free; further ones wait until others are released',
    2000,
  ),
  ...kubeSettings(),
});

/** What citadel uses of a cluster. */
export interface KubernetesPlatform {
  readonly root: SecretRootStore;
  /** Wins over the root. */
  readonly pluggedIn: PluggedInCa['load'];
  /** Has the API server review a token; rejects with KubeError when there is no verdict. */
  readonly review: (token: string, audiences: readonly string[]) => Promise<TokenVerdict>;
  /** The Secrets that gateways use, and who may read them. */
  credentials(observability: Observability): { readonly secrets: SecretReader; readonly access: AccessReader };
  /** Runners that keep the root certificates in every namespace, and watch the plugged-in CA. */
  runners(rootPem: string, log: Logger): readonly Runner[];
}

interface Runner {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface PlatformOptions extends OptionsOf<ReturnType<typeof platformSettings>> {
  readonly systemNamespace: string;
  /** The cluster, if it is already open. */
  readonly cluster?: KubeApi | undefined;
}

/** The cluster, when it is the platform; undefined for files. Rejects when the kubeconfig can't be read. */
export async function openPlatform(options: PlatformOptions): Promise<KubernetesPlatform | undefined> {
  if (options.platform === 'files') return undefined;
  const api = options.cluster ?? (await openKubeClient(options));
  const pluggedIn = createPluggedInCa(api, options.systemNamespace);
  return {
    root: createSecretRootStore(api, options.systemNamespace),
    pluggedIn: pluggedIn.load,
    review: (token, audiences) => reviewToken(api, token, audiences),
    credentials({ log, metrics }) {
      const limitHit = createLimits(metrics, ['secret_watches']);
      const secretLog = log.scope('secrets');
      return {
        secrets: createSecretWatches({
          api,
          log: secretLog,
          maxWatches: options.maxSecretWatches,
          onFull: () => limitHit('secret_watches'),
        }),
        access: createAccessReviews({ api, log: secretLog }),
      };
    },
    runners: (rootPem, log) => [
      { name: 'root certificates', run: createRootDistribution({ api, rootPem, log }) },
      { name: 'plugged-in CA', run: (signal) => pluggedIn.watch(log, signal) },
    ],
  };
}
