import {
  templates as builtIn,
  type PodObject,
  type PodOverlay,
  type Template,
  type TemplateInput,
  type Values,
} from '@flotilla/injector-template';
import type { MeshConfig } from '@flotilla/model';
import { workloadOwnerOf } from '@flotilla/rules';
import { err, messageOf, ok, ownMember, type Result } from '@flotilla/std';
import { skipReason } from './decide.ts';
import { finishPod } from './finish.ts';
import { proxyImage } from './image.ts';
import { buildPatch, type PatchOperation } from './json-patch.ts';
import { strategicMerge } from './merge.ts';
import { applyOverrides, stripInjected } from './overrides.ts';
import { effectiveProxyConfig, proxyConfigJson, type ProxyConfigs } from './proxy-config.ts';
import { validateAnnotations } from './validate-annotations.ts';

export interface InjectOptions {
  /** Of the request; a pod that is about to be created need not name it. */
  readonly namespace: string;
  readonly mesh: MeshConfig;
  readonly values: Values;
  readonly revision?: string;
  readonly proxyConfigs?: ProxyConfigs;
  readonly templates?: Readonly<Record<string, Template>>;
  /** The templates for a pod that does not name any; by default `sidecar`. */
  readonly defaultTemplates?: readonly string[];
  /** Names that stand for several templates, which are not aliases themselves. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  readonly nativeSidecars?: boolean;
  /** PILOT_ENABLE_INBOUND_PASSTHROUGH is off: probes of the application go to localhost. */
  readonly legacyProbeDestination?: boolean;
  /** Why a pod is left as it is; by default what the installation's values say (skipReason). */
  readonly decide?: (pod: PodObject) => string | undefined;
  /** The workload, if it is known from elsewhere than the pod's owner. */
  readonly owner?: TemplateInput['owner'];
  /** Environment that the URL of the request sets (`/inject/cluster/NAME/net/NAME`). */
  readonly proxyEnv?: Readonly<Record<string, string>>;
}
export type Injection =
  { readonly skipped: string } | { readonly patch: readonly PatchOperation[]; readonly pod: PodObject };

/**
 * Decides about a pod and puts the proxy in. Returns the JSON patch, or why the pod stays as it is, or what is wrong,
 * in Istio's words (pkg/kube/inject; requests that its webhook answered are the test).
 */
export function inject(given: PodObject, options: InjectOptions): Result<Injection> {
  const { namespace, mesh, values } = options;
  const original = baseOf(given, namespace);
  const decide = options.decide ?? ((pod: PodObject) => skipReason(pod, pod.metadata.namespace ?? namespace, values));
  const skipped = decide(original);
  if (skipped) return ok({ skipped });
  const config = effectiveProxyConfig(original, {
    mesh,
    systemNamespace: values.global.istioNamespace,
    namespace: original.metadata.namespace ?? namespace,
    proxyConfigs: options.proxyConfigs ?? [],
  });
  if (!config.ok) return config;
  const wrong = validateAnnotations(original.metadata.annotations ?? {});
  if (wrong) return err(`failed to run injection template: ${wrong}`);
  const chosen = chooseTemplates(original, options);
  if (!chosen.ok) return err(`failed to run injection template: ${chosen.error}`);

  const stripped = stripInjected(original);
  const imageType =
    original.metadata.annotations?.['sidecar.istio.io/proxyImageType'] ?? config.value.image?.imageType ?? '';
  const revision = options.revision ?? '';
  const input = {
    pod: stripped,
    owner: options.owner ?? { ...workloadOwnerOf(given.metadata), namespace: original.metadata.namespace ?? '' },
    values,
    mesh,
    proxyConfig: config.value,
    proxyConfigJson: proxyConfigJson(config.value),
    revision,
    proxyImage: proxyImage(values, imageType),
    nativeSidecars: options.nativeSidecars ?? false,
    legacyProbeDestination: options.legacyProbeDestination ?? false,
  };
  try {
    const overlays = chosen.value.map((template) => template(input));
    const merged = overlays.reduce((pod, overlay) => strategicMerge(pod, overlay), stripped);
    const added = overlays.slice(1).reduce((one, overlay) => strategicMerge(one, overlay), overlays[0] ?? emptyOverlay);
    const overridden = applyOverrides({ merged, original, added });
    const pod = finishPod(overridden, {
      original,
      added,
      values,
      mesh,
      proxyConfig: config.value,
      revision: revision || 'default',
      proxyEnv: { ...valuesEnv(values), ...options.proxyEnv },
    });
    return ok({ patch: buildPatch(original, pod), pod });
  } catch (thrown) {
    return err(`failed to run injection template: ${messageOf(thrown)}`);
  }
}

/**
 * The object that the difference is taken from, and what injection starts with: with its namespace, and without the
 * label that names a DeploymentConfig, as Istio has it.
 */
function baseOf(pod: PodObject, namespace: string): PodObject {
  const { labels, ...metadata } = pod.metadata;
  const isConfig = workloadOwnerOf(pod.metadata).kind === 'DeploymentConfig';
  const kept = isConfig
    ? Object.fromEntries(Object.entries(labels ?? {}).filter(([name]) => name !== 'deploymentconfig'))
    : labels;
  return {
    ...pod,
    metadata: {
      ...metadata,
      ...(kept && (!isConfig || Object.keys(kept).length > 0) ? { labels: kept } : {}),
      ...(metadata.namespace || !namespace ? {} : { namespace }),
    },
  };
}

/** Cluster and network of the installation go the way of those in the request's path. */
const valuesEnv = ({ global: { multiCluster, network } }: Values): Record<string, string> => ({
  ...(multiCluster.clusterName ? { ISTIO_META_CLUSTER_ID: multiCluster.clusterName } : {}),
  ...(network ? { ISTIO_META_NETWORK: network } : {}),
});

const emptyOverlay: PodOverlay = { metadata: { labels: {}, annotations: {} }, spec: { volumes: [] } };

function chooseTemplates(
  pod: PodObject,
  { templates: known = builtIn, defaultTemplates = ['sidecar'], aliases = {} }: InjectOptions,
): Result<readonly Template[]> {
  const named = pod.metadata.annotations?.['inject.istio.io/templates'];
  const names = (named?.split(',').map((name) => name.trim()) ?? defaultTemplates).flatMap(
    (name) => ownMember(aliases, name) ?? [name],
  );
  const missing = names.find((name) => !Object.hasOwn(known, name));
  if (missing !== undefined)
    return err(`requested template "${missing}" not found; have ${Object.keys(known).sort().join(', ')}`);
  return ok(lastOfEach(names).flatMap((name) => known[name] ?? []));
}

/** A template that is named again changes nothing but which of them comes last. */
const lastOfEach = (names: readonly string[]): string[] => [...new Set(names.toReversed())].reverse();
