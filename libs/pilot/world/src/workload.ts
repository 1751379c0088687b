import { Subject, type Reader } from '@flotilla/query';
import { augmentLabels } from '@flotilla/pilot-registry';
import { provesAccount } from './proof.ts';
import { localityOfProxy, registeredWorkload, type RegisteredWorkload } from './targets.ts';
import { worldQuery, type ProxyAttributes, type View } from './view.ts';
import { isRecord } from '@flotilla/std';

/** Labels of a node's metadata: all values as text. */
const labelsOf = (value: unknown): Record<string, string> =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)])) : {};

export type Workload = Pick<ProxyAttributes, 'labels' | 'isProven' | 'registeredLabels'>;

/**
 * The labels by which a proxy is selected, and by which it calls itself: what the registries know of its workload over
 * what it was given for good; what it sends as its labels only while they don't know it. With where it runs (Istio's
 * SetWorkloadLabels, setTopologyLabels). For a gateway that proved an identity also what the registries alone say, and
 * whether they know it as that identity. Asked with a proxy's attributes as it sent them.
 */
export const workload = worldQuery('workload', (view): Workload => {
  const known = registeredWorkload(view);
  const labels = known ? { ...labelsOf(view.meta('STATIC_LABELS')), ...known.labels } : view.attr('labels');
  const nodeName = view.meta('NODE_NAME');
  const where = {
    clusterId: view.attr('clusterId'),
    locality: view.query(localityOfProxy, ''),
    nodeName: typeof nodeName === 'string' ? nodeName : '',
    network: view.attr('network'),
  };
  return {
    labels: augmentLabels(labels, where),
    ...(known && view.attr('type') === 'router' && view.attr('identity') !== undefined ? proved(view, known) : {}),
  };
});

const proved = (view: View, { labels, serviceAccount }: RegisteredWorkload): Omit<Workload, 'labels'> => ({
  registeredLabels: labels,
  isProven: provesAccount(view.attr('identity'), serviceAccount),
});

/**
 * A proxy as other queries are asked for it: its labels are those of its workload now, in an engine or in a fork of
 * one. A caller that keeps it watches `workload`, and computes it again when that changes.
 */
export const proxySubject = (reader: Reader, attributes: ProxyAttributes): Subject =>
  new Subject({ ...attributes, ...reader.read(workload, '', new Subject({ ...attributes })) });
