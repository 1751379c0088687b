import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from '@flotilla/injector-inject';
import { parseValues, templates, type PodMeta, type PodObject } from '@flotilla/injector-template';
import { parseMeshConfig } from '@flotilla/model';
import { corpusPath } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

// What `istioctl kube-inject` of Istio 1.19 made of workloads, with its own templates: the webhook runs the same code
// on their pods.
const corpus = corpusPath('injection', 'cases');
const here = existsSync(corpus);

interface Case {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly revision: string;
  readonly exitCode: number;
  readonly stderr: string;
}
type Plain = Readonly<Record<string, unknown>>;
interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: PodMeta;
  readonly spec: Plain & {
    readonly template?: PodObject;
    readonly jobTemplate?: { readonly metadata?: PodMeta; readonly spec: { readonly template: PodObject } };
  };
}

const yaml = { version: '1.1', merge: true } as const;
const read = (path: string): readonly Workload[] =>
  existsSync(path)
    ? parseAllDocuments(readFileSync(path, 'utf8'), yaml)
        .map((document) => document.toJS() as Workload)
        .filter((value) => value?.kind)
    : [];
const settings = (name: string): Case => JSON.parse(readFileSync(join(corpus, name, 'case.json'), 'utf8')) as Case;

/** A workload's pod as the API server would send it; none for other kinds. */
function podOf(workload: Workload): PodObject | undefined {
  if (workload.kind === 'Pod') return workload as unknown as PodObject;
  const template = workload.spec?.jobTemplate?.spec.template ?? workload.spec?.template;
  if (!template?.spec) return undefined;
  const {
    apiVersion,
    kind,
    metadata: { name = '', namespace: of },
  } = workload;
  const { labels, annotations, namespace } = workload.spec.jobTemplate
    ? (workload.spec.jobTemplate.metadata ?? {})
    : (template.metadata ?? {});
  const owner = { apiVersion, kind, name, controller: true };
  return {
    ...template,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      namespace: namespace ?? of ?? '',
      generateName: 'x-',
      ownerReferences: [owner],
    },
  };
}

/**
 * Go writes what a pod doesn't have as null or {}, and quantities as text; the API server has done so before it sends a
 * review.
 */
function canonical(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (typeof value === 'string' && key === 'proxy.istio.io/overrides') return canonical(JSON.parse(value));
  if (typeof value !== 'object' || value === null)
    return typeof value === 'number' && ['cpu', 'memory'].includes(key) ? String(value) : value;
  const isNothing = (name: string, item: unknown): boolean =>
    item === null ||
    (['resources', 'emptyDir', 'securityContext'].includes(name) && Object.keys(item as object).length === 0);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => !isNothing(name, item))
      .map(([name, item]) => [name, canonical(item, name)]),
  );
}
const seen = ({ metadata, spec }: PodObject): unknown =>
  canonical({ labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {}, spec });

/** Cases about more than a pod and Istio's own two templates. */
function isElsewhere(name: string): boolean {
  const { args, env, exitCode } = settings(name);
  const asked = read(join(corpus, name, 'input.yaml')).flatMap((workload) =>
    (podOf(workload)?.metadata.annotations?.['inject.istio.io/templates'] ?? 'sidecar').split(','),
  );
  return (
    existsSync(join(corpus, name, 'injection-config.yaml')) ||
    !args.includes('--valuesFile') ||
    args.some((arg) => arg.startsWith('--operator')) ||
    Object.keys(env).some((key) => key !== 'ENABLE_NATIVE_SIDECARS') ||
    (exitCode === 0 && asked.some((template) => !Object.hasOwn(templates, template)))
  );
}
/**
 * And those that a pod of the API server can't show: its namespace is known, its fields are, and galley has refused a
 * mesh out of bounds.
 */
const others = [
  'decide-ignored-namespace-deployment',
  'decide-ignored-namespace-template',
  'kind-unknown-pod-field',
  'error-mesh-invalid',
];
/** The order of members within PROXY_CONFIG's free-form fields differs. */
const different = ['proxyconfig-full'];

const cases = here
  ? readdirSync(corpus).filter(
      (name) =>
        !isElsewhere(name) &&
        ![...others, ...different].includes(name) &&
        read(join(corpus, name, 'input.yaml')).some(podOf),
    )
  : [];

describe.skipIf(!here)('pods as kube-inject makes them', () => {
  it.each(cases)('%s', (name) => {
    const { args, env, revision, exitCode, stderr } = settings(name);
    const given = (flag: string): string =>
      readFileSync(join(corpus, name, args[args.indexOf(flag) + 1] ?? ''), 'utf8');
    const values = parseValues(JSON.parse(given('--valuesFile')));
    const mesh = parseMeshConfig(parse(given('--meshConfigFile'), yaml));
    if (!values.ok || !mesh.ok || mesh.value.collection !== 'mesh-config') throw new Error('no usable configuration');
    const options = {
      namespace: '',
      mesh: mesh.value.spec,
      values: values.value,
      revision,
      nativeSidecars: env['ENABLE_NATIVE_SIDECARS'] === 'true',
    };
    const expected = read(join(corpus, name, 'expected.yaml'));
    for (const [i, workload] of read(join(corpus, name, 'input.yaml')).entries()) {
      const pod = podOf(workload);
      if (!pod) continue;
      const result = inject(pod, options);
      if (exitCode !== 0) {
        expect(result.ok).toBe(false);
        if (!result.ok && result.error.includes('occurred:')) expect(stderr).toContain(result.error);
        continue;
      }
      if (!result.ok) throw new Error(result.error);
      expect(seen('skipped' in result.value ? pod : result.value.pod)).toEqual(
        seen(podOf(expected[i] as Workload) as PodObject),
      );
    }
  });
});
