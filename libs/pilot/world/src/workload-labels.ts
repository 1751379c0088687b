import { Subject, type Engine } from '@flotilla/query';
import { augmentLabels } from '@flotilla/pilot-registry';
import { isObject } from './proxy.ts';
import { localityOfProxy, registeredLabels } from './targets.ts';
import { worldQuery, type ProxyAttributes } from './view.ts';

/** Labels of a node's metadata: all values as text. */
const labelsOf = (value: unknown): Record<string, string> => (isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)])) : {});

/**
 * The labels by which a proxy is selected, and by which it calls itself: what the registries know of its workload over what it was given for good; what it
 * sends as its labels only while they don't know it. With where it runs (Istio's SetWorkloadLabels, setTopologyLabels). Asked with a proxy's attributes as
 * it sent them.
 */
export const workloadLabels = worldQuery('workload-labels', (view): Readonly<Record<string, string>> => {
  const known = registeredLabels(view);
  const labels = known ? { ...labelsOf(view.meta('STATIC_LABELS')), ...known } : view.attr('labels');
  const nodeName = view.meta('NODE_NAME');
  return augmentLabels(labels, {
    clusterId: view.attr('clusterId'), locality: view.query(localityOfProxy, ''), nodeName: typeof nodeName === 'string' ? nodeName : '', network: view.attr('network'),
  });
});

/** A proxy as other queries are asked for it: its labels are those of its workload now. Who keeps it watches workloadLabels, and asks again when they change. */
export const proxySubject = (engine: Engine, attributes: ProxyAttributes): Subject =>
  new Subject({ ...attributes, labels: engine.read(workloadLabels, '', new Subject({ ...attributes })) });
