import type { InjectionConfig } from '@flotilla/injector-template';
import { kubeSettings, openKubeClient } from '@flotilla/kube-client';
import { createElection, processIdentity } from '@flotilla/kube-election';
import { resources } from '@flotilla/kube-port';
import { createCaBundleUpkeep } from '@flotilla/kube-webhooks';
import type { Observability } from '@flotilla/observability-port';
import type { CertificateSource } from '@flotilla/pki';
import { injectionWebhookSuffix, nameOfRevision } from '@flotilla/rules';
import { messageOf, setting, type OptionsOf } from '@flotilla/std';
import { runCertified } from './certified-election.ts';
import { createConfigMapSource } from './config-map-source.ts';

/** Where the injector is configured and registered. */
export const injectorPlatformSettings = () => ({
  platform: setting.choice(
    'source of the configuration of injection: files (--values), or the ConfigMap istio-sidecar-injector of a cluster; with a cluster, the root certificate is also written into the webhook configurations',
    ['files', 'kubernetes'],
    { value: 'files' },
  ),
  ...kubeSettings(),
});

/** What the injector uses of a cluster. */
export interface InjectorPlatform {
  readonly config: { current(): InjectionConfig | undefined };
  /** What readiness waits for, by name. */
  readonly ready: Readonly<Record<string, Promise<null>>>;
  readonly runners: readonly { readonly name: string; run(signal: AbortSignal): Promise<void> }[];
}

export interface InjectorPlatformOptions extends OptionsOf<ReturnType<typeof injectorPlatformSettings>> {
  readonly systemNamespace: string;
  readonly domain: string;
  readonly revision: string;
}

export interface InjectorPlatformContext {
  /** The webhook's serving certificate. */
  readonly certificate: CertificateSource;
  /** In force until the cluster has a configuration. */
  readonly fallback: InjectionConfig;
  readonly observability: Observability;
}

/**
 * The configuration of injection in a cluster, and the upkeep of `caBundle` in the webhook configurations of the
 * revision; undefined for files. Rejects when the kubeconfig can't be read.
 */
export async function openInjectorPlatform(
  options: InjectorPlatformOptions,
  { certificate, fallback, observability }: InjectorPlatformContext,
): Promise<InjectorPlatform | undefined> {
  if (options.platform === 'files') return undefined;
  const api = await openKubeClient(options);
  const log = observability.log.scope('injection');
  const { revision } = options;
  const { current, ready, runner } = createConfigMapSource({ api, installation: options, revision, fallback, log });
  const election = createElection({
    api,
    namespace: options.systemNamespace,
    // Each revision has webhook configurations of its own.
    name: nameOfRevision('sidecar-injector', revision),
    identity: processIdentity(options.kubeconfig),
    onFailure: (thrown) =>
      thrown === undefined ||
      log.warn('no replica can be chosen to write caBundle; trying again', { problem: messageOf(thrown) }),
  });
  const upkeep = createCaBundleUpkeep({
    api,
    resource: resources.mutatingWebhooks,
    labelSelector: `istio.io/rev=${revision || 'default'}`,
    suffix: injectionWebhookSuffix,
    namespace: options.systemNamespace,
    certificate,
    leadership: election,
    observability: { ...observability, log },
  });
  return {
    config: { current },
    ready: { 'the configuration of injection': ready },
    runners: [
      runner,
      { name: 'leader of injectors', run: runCertified(election, certificate) },
      { name: 'caBundle', run: upkeep },
    ],
  };
}
