import { parseInjectionConfig, type InjectionConfig } from '@flotilla/injector-template';
import { describeName, resources, type KubeApi, type KubeObject } from '@flotilla/kube-port';
import type { Installation } from '@flotilla/model';
import type { Logger } from '@flotilla/observability-port';
import { nameOfRevision } from '@flotilla/rules';
import { isRecord } from '@flotilla/std';

export interface ConfigMapSourceOptions {
  readonly api: KubeApi;
  readonly installation: Pick<Installation, 'domain' | 'systemNamespace'>;
  readonly revision: string;
  /** In force until there has been a ConfigMap. */
  readonly fallback: InjectionConfig;
  readonly log: Logger;
}

/** Istio's name for the ConfigMap that configures injection by a revision (pilot/pkg/bootstrap, sidecarinjector.go). */
const injectionConfigMap = (revision: string): string => nameOfRevision('istio-sidecar-injector', revision);

/**
 * Follows the configuration of injection in the ConfigMap of the revision. When the ConfigMap is deleted or is not
 * valid, the last valid one stays in force.
 */
export function createConfigMapSource({ api, installation, revision, fallback, log }: ConfigMapSourceOptions) {
  const name = { namespace: installation.systemNamespace, name: injectionConfigMap(revision) };
  const configMap = describeName(name);
  const ready = Promise.withResolvers<null>();
  let current: InjectionConfig | undefined;
  let isThere = false;

  function use(config: InjectionConfig): void {
    current = config;
    ready.resolve(null);
  }

  function read({ data, metadata }: KubeObject): void {
    isThere = true;
    const parsed = parseInjectionConfig(isRecord(data) ? data : {}, installation);
    if (!parsed.ok)
      return log.error(
        current ? 'the configuration of injection is not valid, the last one stays in force' : notValid,
        { configMap, problem: parsed.error },
      );
    for (const warning of parsed.value.warnings) log.warn(warning, { configMap });
    log.info('injection is configured', { configMap, resourceVersion: metadata.resourceVersion });
    use(parsed.value.config);
  }

  function miss(): void {
    // That was said when it took force.
    if (current === fallback) return;
    if (current)
      return log.warn('the configuration of injection no longer exists; the last one stays in force', { configMap });
    log.warn("the configuration of injection does not exist: Istio's defaults and --values apply", {
      configMap,
    });
    use(fallback);
  }

  async function run(signal: AbortSignal): Promise<void> {
    const selection = { namespace: name.namespace, fieldSelector: `metadata.name=${name.name}` };
    for await (const events of api.watch(resources.configMaps, selection, signal))
      for (const event of events)
        switch (event.type) {
          case 'listing':
            isThere = false;
            break;
          case 'found':
            read(event.object);
            break;
          case 'gone':
            miss();
            break;
          case 'synced':
            if (!isThere) miss();
            break;
          case 'away':
            log.warn('the configuration of injection cannot be read: changes have no effect', {
              configMap,
              problem: event.reason,
            });
            break;
          case 'back':
        }
  }

  return {
    /** Undefined until the ConfigMap has been read, or is known not to exist. */
    current: () => current,
    /** Resolves once `current` is defined. */
    ready: ready.promise,
    runner: { name: 'injection configuration', run },
  };
}

const notValid = 'the configuration of injection is not valid, and pods cannot be injected until it is';
