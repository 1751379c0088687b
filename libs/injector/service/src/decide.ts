import { inject } from '@flotilla/injector-inject';
import type { Verdict, WebhookOptions } from '@flotilla/injector-server';
import type { InjectionConfig } from '@flotilla/injector-template';
import type { Observability } from '@flotilla/observability-port';
import { ok } from '@flotilla/std';
import type { MeshState } from './mesh-state.ts';

export interface DecideOptions {
  readonly state: Pick<MeshState, 'mesh' | 'proxyConfigs'>;
  readonly observability: Observability;
  /** The configuration of injection; undefined while it is not known. */
  readonly config: { current(): InjectionConfig | undefined };
  readonly revision?: string;
  readonly enableNativeSidecars?: boolean;
}

/** Returns what decides about pods: whether a pod gets a proxy, and the patch that adds it. Counts and logs each. */
export function createDecide(options: DecideOptions): WebhookOptions['decide'] {
  const { state, observability, config, revision, enableNativeSidecars } = options;
  const { metrics } = observability;
  const success = metrics.counter(
    'sidecar_injection_success_total',
    'Total number of successful sidecar injection requests.',
  );
  const skips = metrics.counter('sidecar_injection_skip_total', 'Total number of skipped sidecar injection requests.');
  const log = observability.log.scope('injection');
  return (pod, { namespace, proxyEnv }): Verdict => {
    const { mesh, proxyConfigs } = state;
    const injection = config.current();
    if (!mesh || !injection)
      return {
        ok: false,
        error: `the configuration of ${mesh ? 'injection' : 'the mesh'} is not known yet; try again`,
      };
    const result = inject(pod, {
      ...injection,
      namespace,
      mesh,
      proxyConfigs,
      proxyEnv,
      ...(revision ? { revision } : {}),
      ...(enableNativeSidecars ? { nativeSidecars: true } : {}),
    });
    if (!result.ok) return result;
    const name = pod.metadata.name ?? pod.metadata.generateName ?? '';
    if ('skipped' in result.value) {
      skips.add();
      log.debug('left a pod as it is', { namespace, pod: name, reason: result.value.skipped });
      return ok({});
    }
    success.add();
    log.debug('injected a pod', { namespace, pod: name });
    return ok({ patch: result.value.patch });
  };
}
