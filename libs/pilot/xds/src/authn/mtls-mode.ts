import { parsePort } from '@flotilla/std';
import type { PeerAuthentication, Resource } from '@flotilla/model';
import { compareAge, hasSelector, labelsMatch, selectorOf } from '@flotilla/rules';
import { rootNamespace, worldQuery, type View } from '@flotilla/pilot-world';

export type MtlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT';
type Policy = Resource<'peer-authentications'>;

/** The policies of a namespace, the oldest first. */
const policiesOf = worldQuery('peer-authentications-of', (view, namespace): readonly Policy[] =>
  view
    .index('peer-authentications', 'namespace', namespace)
    .flatMap((key) => view.get('peer-authentications', key) ?? [])
    .sort((a, b) => compareAge(a.meta, b.meta)),
);

const modeOf = (mtls: PeerAuthentication['mtls']): MtlsMode | undefined =>
  mtls?.mode === undefined || mtls.mode === 'UNSET' ? undefined : mtls.mode;

/** The mode that a namespace's own policy gives, else the mesh's; undefined when neither says. */
export const namespaceMtlsMode = worldQuery('namespace-mtls-mode', (view, namespace): MtlsMode | undefined => {
  const of = (ns: string): MtlsMode | undefined =>
    modeOf(view.query(policiesOf, ns).find((policy) => !hasSelector(policy))?.spec.mtls);
  return of(namespace) ?? of(rootNamespace(view));
});

/** What holds for a workload: a mode for all its ports, and those that differ. */
export interface WorkloadMtls {
  readonly mode: MtlsMode;
  readonly ports: ReadonlyMap<number, MtlsMode>;
}

/**
 * Istio's ComposePeerAuthentication: workload over namespace over mesh, the oldest of each kind; UNSET inherits;
 * PERMISSIVE when nobody says. A selector in the root namespace selects nothing.
 */
export function workloadMtls(view: View, namespace: string, labels: Readonly<Record<string, string>>): WorkloadMtls {
  const inherited = view.query(namespaceMtlsMode, namespace) ?? 'PERMISSIVE';
  const own =
    namespace === rootNamespace(view)
      ? undefined
      : view
          .query(policiesOf, namespace)
          .find((policy) => hasSelector(policy) && labelsMatch(selectorOf(policy), labels));
  const mode = modeOf(own?.spec.mtls) ?? inherited;
  const ports = new Map(
    Object.entries(own?.spec.portLevelMtls ?? {}).flatMap(([port, mtls]): [number, MtlsMode][] => [
      [parsePort(port) ?? 0, modeOf(mtls) ?? mode],
    ]),
  );
  return { mode, ports };
}

export const portMtls = ({ mode, ports }: WorkloadMtls, port: number): MtlsMode => ports.get(port) ?? mode;
