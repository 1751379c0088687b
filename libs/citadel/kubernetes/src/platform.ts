import { kubeSettings, openKubeClient } from '@flotilla/kube-client';
import { reviewToken, type TokenVerdict } from '@flotilla/kube-port';
import type { Logger } from '@flotilla/observability-port';
import { setting, type OptionsOf } from '@flotilla/std';
import { createRootDistribution } from './root-distribution.ts';
import { createSecretRootStore, type SecretRootStore } from './secret-root-store.ts';

/** What keeps citadel's root and verifies tokens. */
export const platformSettings = () => ({
  platform: setting.choice(
    'what keeps the root and verifies tokens: files, or the API server of a cluster, where every namespace also gets the root certificate',
    ['files', 'kubernetes'],
    { value: 'files' },
  ),
  ...kubeSettings(),
});

/** What citadel uses of a cluster. */
export interface KubernetesPlatform {
  readonly root: SecretRootStore;
  /** Asks the API server whom a token belongs to; rejects with KubeError when there is no verdict. */
  readonly review: (token: string, audiences: readonly string[]) => Promise<TokenVerdict>;
  /** A runner that keeps the root certificate in every namespace. */
  distribute(rootPem: string, log: Logger): { readonly name: string; run(signal: AbortSignal): Promise<void> };
}

export interface PlatformOptions extends OptionsOf<ReturnType<typeof platformSettings>> {
  readonly systemNamespace: string;
}

/** The cluster, when it is the platform; undefined for files. Rejects when the kubeconfig can't be read. */
export async function openPlatform(options: PlatformOptions): Promise<KubernetesPlatform | undefined> {
  if (options.platform === 'files') return undefined;
  const api = await openKubeClient(options);
  return {
    root: createSecretRootStore(api, options.systemNamespace),
    review: (token, audiences) => reviewToken(api, token, audiences),
    distribute: (rootPem, log) => ({
      name: 'root certificates',
      run: createRootDistribution({ api, rootPem, log }),
    }),
  };
}
