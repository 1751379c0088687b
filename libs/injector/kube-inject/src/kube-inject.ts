import { inject, podProblem, skipReason, type InjectOptions } from '@flotilla/injector-inject';
import type { PodMeta, PodObject } from '@flotilla/injector-template';
import { err, ok, type Result, isRecord } from '@flotilla/std';
import { knownContainerFields, knownPodFields } from './core-v1-fields.ts';

/** What `istioctl kube-inject` is given in addition to the documents. */
export type KubeInjectOptions = Omit<InjectOptions, 'namespace' | 'decide' | 'owner'>;

/** The injected documents, up to the first one that failed. */
export interface KubeInjected {
  readonly documents: readonly unknown[];
  readonly error?: string;
}

/** Kinds that have a pod or a pod template, in any group and version (pkg/kube/inject, initializer.go). */
const workloads = new Set([
  'CronJob',
  'DaemonSet',
  'Deployment',
  'DeploymentConfig',
  'Job',
  'List',
  'Pod',
  'ReplicaSet',
  'ReplicationController',
  'StatefulSet',
]);
type Plain = Readonly<Record<string, unknown>>;

/**
 * Injects the proxy into documents of Kubernetes objects as `istioctl kube-inject` does (IntoResourceFile): workloads
 * are changed, other objects stay as they are. Stops at the first document that fails, and returns those before it. The
 * installation's policy and selectors are ignored, and so is any namespace but the one in the pod's own metadata.
 */
export function injectDocuments(documents: readonly unknown[], options: KubeInjectOptions): KubeInjected {
  const done: unknown[] = [];
  for (const document of documents) {
    const injected = injectObject(document, options);
    if (!injected.ok) return { documents: done, error: injected.error };
    done.push(injected.value);
  }
  return { documents: done };
}

function injectObject(object: unknown, options: KubeInjectOptions): Result<unknown> {
  if (!isWorkload(object)) return ok(object);
  if (object['kind'] === 'List') {
    const list = Array.isArray(object['items']) ? (object['items'] as unknown[]) : [];
    const { documents, error } = injectDocuments(list, options);
    return error === undefined ? ok({ ...object, items: documents }) : err(error);
  }
  return injectWorkload(object, options);
}
const isWorkload = (object: unknown): object is Plain => isRecord(object) && workloads.has(String(object['kind']));

/** A workload's pod: the metadata and spec to inject, and how to put them back into the workload. */
interface Place {
  readonly metadata: PodMeta;
  readonly spec: unknown;
  readonly replace: (metadata: PodMeta, spec: unknown) => Plain;
}

function injectWorkload(workload: Plain, options: KubeInjectOptions): Result<unknown> {
  const place = placeOf(workload);
  if (!place.ok) return place;
  const { replace } = place.value;
  const metadata = withTexts(place.value.metadata as Plain, { maps: ['labels', 'annotations'] }) as PodMeta;
  const spec = isRecord(place.value.spec) ? withContainerTexts(place.value.spec) : place.value.spec;
  const problem = podProblem({ metadata, spec });
  if (problem) return err(problem);
  const ownerMetadata = (workload['metadata'] ?? {}) as PodMeta;
  const { values } = options;
  const result = inject(
    { apiVersion: 'v1', kind: 'Pod', metadata, spec: withKnownFields(spec as Plain) },
    {
      ...options,
      namespace: '',
      owner: {
        apiVersion: String(workload['apiVersion']),
        kind: String(workload['kind']),
        name: ownerMetadata.name ?? '',
        namespace: ownerMetadata.namespace ?? '',
      },
      values: { ...values, sidecarInjectorWebhook: { ...values.sidecarInjectorWebhook, injectedAnnotations: {} } },
      decide: (pod) =>
        skipReason(pod, metadata.namespace ?? '', {
          ...values,
          global: { ...values.global, proxy: { ...values.global.proxy, autoInject: 'enabled' } },
          sidecarInjectorWebhook: {
            ...values.sidecarInjectorWebhook,
            neverInjectSelector: [],
            alwaysInjectSelector: [],
          },
        }),
    },
  );
  if (!result.ok) return result;
  if ('skipped' in result.value) return ok(replace(metadata, withKnownFields(spec as Plain)));
  return ok(replace(result.value.pod.metadata, result.value.pod.spec));
}

function placeOf(workload: Plain): Result<Place> {
  const spec = objectOf(workload['spec']);
  if (workload['kind'] === 'Pod')
    return ok({
      metadata: objectOf(workload['metadata']),
      spec: workload['spec'],
      replace: (metadata, pod) => ({ ...workload, metadata, spec: pod }),
    });
  if (workload['kind'] === 'CronJob') {
    const jobTemplate = objectOf(spec['jobTemplate']);
    const job = objectOf(jobTemplate['spec']);
    const template = objectOf(job['template']);
    return ok({
      metadata: objectOf(jobTemplate['metadata']),
      spec: template['spec'],
      replace: (metadata, pod) => ({
        ...workload,
        spec: {
          ...spec,
          jobTemplate: { ...jobTemplate, metadata, spec: { ...job, template: { ...template, spec: pod } } },
        },
      }),
    });
  }
  if (workload['kind'] === 'ReplicationController' && (spec['template'] ?? undefined) === undefined)
    return err('spec.template is required value');
  const template = objectOf(spec['template']);
  return ok({
    metadata: objectOf(template['metadata']),
    spec: template['spec'] ?? { containers: [] },
    replace: (metadata, pod) => ({ ...workload, spec: { ...spec, template: { ...template, metadata, spec: pod } } }),
  });
}
const objectOf = (value: unknown): Plain => (isRecord(value) ? value : {});

/** The fields of an object that hold text, lists of texts and texts by name. */
interface TextFields {
  readonly texts?: readonly string[];
  readonly lists?: readonly string[];
  readonly maps?: readonly string[];
}

/**
 * An object with text where YAML has a number or a truth value without quotes, such as `app: 1` in labels: Kubernetes'
 * reader of YAML (sigs.k8s.io/yaml) knows the types of the fields that it fills.
 */
function withTexts(object: Plain, { texts = [], lists = [], maps = [] }: TextFields): Plain {
  const mapOf = (value: unknown): unknown =>
    isRecord(value) ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, textOf(item)])) : value;
  const read = ([name, value]: readonly [string, unknown]): readonly [string, unknown] => {
    if (texts.includes(name)) return [name, textOf(value)];
    if (lists.includes(name)) return [name, Array.isArray(value) ? value.map(textOf) : value];
    return [name, maps.includes(name) ? mapOf(value) : value];
  };
  return Object.fromEntries(Object.entries(object).map(read));
}
const textOf = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;

function withContainerTexts(spec: Plain): Plain {
  const each = (list: unknown, read: (item: Plain) => Plain): unknown =>
    Array.isArray(list) ? list.map((item: unknown) => (isRecord(item) ? read(item) : item)) : list;
  const container = (one: Plain): Plain => ({
    ...withTexts(one, { texts: ['name', 'image', 'workingDir'], lists: ['command', 'args'] }),
    ...('env' in one ? { env: each(one['env'], (item) => withTexts(item, { texts: ['name', 'value'] })) } : {}),
  });
  const containers = ['containers', 'initContainers'].filter((name) => name in spec);
  return {
    ...withTexts(spec, { texts: ['serviceAccountName', 'nodeName', 'hostname'], maps: ['nodeSelector'] }),
    ...Object.fromEntries(containers.map((name) => [name, each(spec[name], container)])),
  };
}

/** A pod's specification without fields that Kubernetes does not know, which its library drops. */
function withKnownFields(spec: Plain): PodObject['spec'] {
  const known = (object: Plain, fields: ReadonlySet<string>): Plain =>
    Object.fromEntries(Object.entries(object).filter(([name, value]) => fields.has(name) && value !== null));
  const containers = (list: unknown): unknown =>
    Array.isArray(list) ? list.map((one: Plain) => known(one, knownContainerFields)) : list;
  const pod = known(spec, knownPodFields);
  return {
    ...pod,
    containers: containers(pod['containers'] ?? []),
    ...(pod['initContainers'] ? { initContainers: containers(pod['initContainers']) } : {}),
  } as PodObject['spec'];
}
