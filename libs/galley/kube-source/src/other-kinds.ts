import { recognizeKind } from '@flotilla/galley-pipeline';
import { describeResource, KubeError, type KubeApi, type ServedKind } from '@flotilla/kube-port';
import { unsupportedKinds, type LocatedProblem, type Problem, type SourceEvent } from '@flotilla/model';
import { pause, type Clock } from '@flotilla/std';
import { boundedProblems } from './bounded-problems.ts';
import { classPartsOf, type IngressClasses } from './ingress-classes.ts';
import { unsupportedReader } from './unsupported-reader.ts';

/** How often the API server is asked which kinds it serves, and how soon again when it has not answered. */
const [discoveryMs, retryMs] = [120_000, 10_000];

export interface OtherKindsOptions {
  readonly api: KubeApi;
  readonly cluster: string;
  /** Decides whose Ingresses are. */
  readonly classes: IngressClasses;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Takes problems; resolves when the next ones may follow. */
  readonly report: (cause: string, problems: SourceEvent) => Promise<void>;
  /** Takes what a watch has thrown; that is not to be tried again. */
  readonly fail: (thrown: unknown) => void;
}

/**
 * Reports what galley does not read of a cluster, though its author likely expects an effect: each object of an
 * unsupported kind (of Ingresses and their classes, those that Istio would take), and each kind of an `*.istio.io`
 * group that is not Istio's. It asks the API server for its kinds at the start and every two minutes. Nothing of all
 * this is in force, so a failure is not reported, only tried again. Resolves when the signal aborts.
 */
export async function followOtherKinds(options: OtherKindsOptions): Promise<void> {
  const { api, cluster, clock, signal, report, fail } = options;
  const watches = new Map<string, Promise<void>>();
  let reported = '';
  while (!signal.aborted) {
    const found = await discover(api, signal);
    if (found) {
      for (const { kind, problem } of found.unsupported) {
        const name = describeResource(kind);
        if (!watches.has(name)) watches.set(name, watchKind(kind, problem, options).catch(fail));
      }
      const names = found.unknown.map(({ kind }) => describeResource(kind)).join();
      const problems = boundedProblems(found.unknown.map(({ kind, problem }) => problemOf(kind, problem, cluster)));
      if (names !== reported) await report('the API groups', { type: 'problems', place: 'API groups', problems });
      reported = names;
    }
    await pause(found ? discoveryMs : retryMs, signal, clock);
  }
  await Promise.all(watches.values());
}

interface Found {
  readonly kind: ServedKind;
  readonly problem: Problem;
}

/** Kinds whose objects have a problem, and kinds that are one themselves; undefined when the API server has failed. */
async function discover(
  api: KubeApi,
  signal: AbortSignal,
): Promise<{ readonly unsupported: readonly Found[]; readonly unknown: readonly Found[] } | undefined> {
  const served = await api.discover(concernsMesh, signal).catch((thrown: unknown) => {
    if (thrown instanceof KubeError) return undefined;
    throw thrown;
  });
  if (!served) return undefined;
  const unsupported: Found[] = [];
  const unknown: Found[] = [];
  for (const kind of served) {
    const { isRead, problem } = recognizeKind({
      apiVersion: `${kind.group}/${kind.versions[0] ?? ''}`,
      kind: kind.kind,
    });
    if (isRead || !problem) continue;
    if (problem.code === 'not-supported') unsupported.push({ kind, problem });
    else if (isIstioGroup(kind.group)) unknown.push({ kind, problem });
  }
  return { unsupported, unknown };
}

async function watchKind(
  kind: ServedKind,
  problem: Problem,
  { api, cluster, classes, signal, report, fail }: OtherKindsOptions,
): Promise<void> {
  const isIngress = kind.group === 'networking.k8s.io' && kind.kind === 'Ingress';
  const isClass = kind.group === 'networking.k8s.io' && kind.kind === 'IngressClass';
  const reader = unsupportedReader(kind, problem, {
    cluster,
    ...(isIngress ? { isMeant: (ingress) => classes.isIstiosIngress(ingress), keep: classPartsOf } : {}),
    ...(isClass ? { isMeant: (ingressClass) => classes.isIstiosClass(ingressClass), keep: classPartsOf } : {}),
  });
  const cause = `the objects of ${describeResource(kind)}`;
  if (isIngress)
    classes.onChange(() => {
      const problems = signal.aborted ? undefined : reader.again();
      if (problems) report(cause, problems).catch(fail);
    });
  for await (const events of api.watch(kind, isIngress || isClass ? {} : { metadataOnly: true }, signal)) {
    if (isClass) events.forEach((event) => classes.noteClass(event));
    const problems = events.map(reader.read).findLast((event) => event !== undefined);
    if (problems) await report(cause, problems);
  }
}

const isIstioGroup = (group: string): boolean => group.endsWith('.istio.io');
const concernsMesh = (group: string): boolean =>
  isIstioGroup(group) || unsupportedKinds.some((kind) => kind.group === group);

/** The problem of a CRD; the path would be that of an object. */
function problemOf(kind: ServedKind, { path: _path, ...problem }: Problem, cluster: string): LocatedProblem {
  const resource = `CustomResourceDefinition ${describeResource(kind)}`;
  return { problem: { ...problem, resource }, origin: { type: 'cluster', cluster } };
}
