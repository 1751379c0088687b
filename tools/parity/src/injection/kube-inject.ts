import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { injectDocuments } from '@flotilla/injector-kube-inject';
import { parseInstalledValues } from '@flotilla/injector-template';
import { parseDocuments } from '@flotilla/galley-file-source';
import { validate } from '@flotilla/galley-validation';
import { parseMeshConfig } from '@flotilla/model';
import { err, ok, type Result, isRecord } from '@flotilla/std';
import { parseAllDocuments } from 'yaml';
import { firstDifference, type Answer } from '../compare.ts';
import { readShared } from './files.ts';
import { canonical, errorOf, ownPart } from './canonical.ts';

interface Case {
  readonly args?: readonly string[];
  /** Istio's own test data name their files here. */
  readonly files?: Readonly<Record<'mesh' | 'values', string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly revision: string;
  readonly exitCode: number;
  readonly stderr: string;
}

/** Files are YAML 1.1, as Kubernetes' libraries read them. */
export const yaml = { version: '1.1', merge: true } as const;

/** Does with a case what `istioctl kube-inject` did, and compares the pods, or the error. */
export function compareKubeInject(path: string): Answer {
  const one = JSON.parse(readFileSync(join(path, 'case.json'), 'utf8')) as Case;
  const { documents, error } = runKubeInject(path, one);
  const answer = {
    exitCode: error === undefined ? 0 : 1,
    error: error === undefined ? '' : ownPart(error).slice(0, ownPart(errorOf(one.stderr)).length),
    documents: documents.map((document) => canonical(comparable(document))),
  };
  const expected = {
    exitCode: one.exitCode,
    error: one.exitCode === 0 ? '' : ownPart(errorOf(one.stderr)),
    documents: objectsIn(join(path, 'expected.yaml')).map((document) => canonical(comparable(document))),
  };
  return { difference: firstDifference(expected, answer), files: { 'answer.json': { ...answer, error, documents } } };
}

interface Ran {
  readonly documents: readonly unknown[];
  readonly error?: string;
}
function runKubeInject(path: string, { args = [], files, env, revision }: Case): Ran {
  const flag = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const input = join(path, flag('-f') ?? 'input.yaml');
  if (!existsSync(input)) return { documents: [], error: `open ${flag('-f')}: no such file or directory` };
  const mesh = readMesh(path, { file: files?.mesh ?? flag('--meshConfigFile'), operator: flag('--operatorFileName') });
  if (!mesh.ok) return { documents: [], error: mesh.error };
  const values = parseInstalledValues(JSON.parse(readShared(path, files?.values ?? flag('--valuesFile') ?? '')));
  if (!values.ok) return { documents: [], error: values.error };
  const parsed = parseDocuments(readFileSync(input));
  if ('problem' in parsed) return { documents: [], error: `error converting YAML to JSON: ${parsed.problem.message}` };
  const bad = parsed.documents.findIndex(({ problem }) => problem !== undefined);
  const given = (bad < 0 ? parsed.documents : parsed.documents.slice(0, bad)).map(({ value }) => value);
  const done = injectDocuments(
    given.filter((document) => document !== null && document !== undefined),
    {
      mesh: mesh.value,
      values: values.value,
      revision,
      nativeSidecars: env['ENABLE_NATIVE_SIDECARS'] === 'true',
      legacyProbeDestination: env['PILOT_ENABLE_INBOUND_PASSTHROUGH'] === 'false',
    },
  );
  return bad < 0 || done.error !== undefined
    ? done
    : {
        documents: done.documents,
        error: `error converting YAML to JSON: ${parsed.documents[bad]?.problem?.message ?? ''}`,
      };
}

type Mesh = Extract<ReturnType<typeof parseMeshConfig>, { ok: true }>['value'];
/** The mesh configuration, with that of an IstioOperator file over it. */
function readMesh(
  path: string,
  { file, operator }: { readonly file: string | undefined; readonly operator: string | undefined },
): Result<Extract<Mesh, { collection: 'mesh-config' }>['spec']> {
  const [raw] = parseAllDocuments(readShared(path, file ?? ''), yaml).map((document) => document.toJS() as unknown);
  const [over] =
    operator === undefined
      ? []
      : parseAllDocuments(readShared(path, operator), yaml).map(
          (document) => document.toJS() as { spec?: { meshConfig?: unknown } },
        );
  const parsed = parseMeshConfig(mergeObjects(raw ?? {}, over?.spec?.meshConfig ?? {}));
  if (!parsed.ok) return err(`failed to convert to proto. ${parsed.error.map(({ message }) => message).join('\n')}`);
  if (parsed.value.collection !== 'mesh-config') return err('not a mesh configuration');
  const mistake = validate(parsed.value).find((problem) => problem.level === 'error');
  return mistake ? err(mistake.message) : ok(parsed.value.spec);
}

function mergeObjects(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over;
  const merged = Object.entries(over).map(([key, value]) => [key, mergeObjects(base[key] ?? {}, value)]);
  return { ...base, ...Object.fromEntries(merged) };
}

const objectsIn = (path: string): unknown[] =>
  existsSync(path) ? documentsIn(path).filter((document) => document !== null && document !== undefined) : [];

/** Throws for a file that is not valid YAML. */
function documentsIn(path: string): unknown[] {
  const parsed = parseDocuments(readFileSync(path));
  const problem = 'problem' in parsed ? parsed.problem : parsed.documents.find((document) => document.problem)?.problem;
  if (problem || !('documents' in parsed)) throw new Error(`${path}: ${problem?.message ?? 'no documents'}`);
  return parsed.documents.map(({ value }) => value);
}

interface Workload {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly items?: readonly unknown[];
  readonly spec?: {
    readonly template?: Template;
    readonly jobTemplate?: { readonly metadata?: unknown; readonly spec?: { readonly template?: Template } };
  };
}
interface Template {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
}

/** What is compared of an object: its pod, of a list those of its items, and of what has none the whole object. */
function comparable(object: unknown): unknown {
  const workload = object as Workload;
  const named = { kind: workload.kind, name: workload.metadata?.name };
  if (workload.kind === 'List') return { kind: 'List', items: (workload.items ?? []).map(comparable) };
  if (workload.kind === 'Pod') return { ...named, pod: podOf(workload as Template) };
  const { template, jobTemplate } = workload.spec ?? {};
  if (jobTemplate)
    return {
      ...named,
      pod: podOf({ ...jobTemplate.spec?.template, metadata: jobTemplate.metadata ?? {} } as Template),
    };
  return template ? { ...named, pod: podOf(template) } : object;
}
const podOf = ({ metadata: { labels = {}, annotations = {}, namespace } = {}, spec }: Template): unknown => ({
  labels,
  annotations,
  namespace: namespace ?? '',
  spec,
});
