import type { Resource, ObjectKey } from '@flotilla/model';
import { defineKey, defineQuery, internList, type KeyOf } from '@flotilla/query';
import { labelsMatch, type Labels } from '@flotilla/rules';
import { labelsOfEntry } from './store.ts';
import type { View } from './view.ts';

/** Workloads that a selector is about; without a namespace those of all, without labels all of the namespace. */
const selectionKey = defineKey<{
  readonly labels: readonly string[];
  readonly namespace: string | undefined;
}>()('labels', 'namespace');

/** Pods are in the mesh when they have a proxy (Istio's analysis, util.PodInMesh). */
const hasProxy = ({ spec }: Resource<'pods'>): boolean =>
  [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ name }) => name === 'istio-proxy');

const hasWorkload = defineQuery('has-workload', (view: View, key: KeyOf<typeof selectionKey>): boolean => {
  const labels = Object.fromEntries(key.labels.map(splitLabel));
  const isMeant = (namespace: string, own: Labels): boolean =>
    (key.namespace === undefined || namespace === key.namespace) && labelsMatch(labels, own);
  return (
    candidates(view, 'pods', key).some((one) => {
      const pod = view.get('pods', one);
      return pod !== undefined && hasProxy(pod) && isMeant(pod.meta.namespace, pod.meta.labels ?? {});
    }) ||
    candidates(view, 'workload-entries', key).some((one) => {
      const entry = view.get('workload-entries', one);
      return entry !== undefined && isMeant(entry.meta.namespace, labelsOfEntry(entry));
    })
  );
});

/** Where to look: what has the rarest of the labels, or what is in the namespace. */
function candidates(
  view: View,
  collection: 'pods' | 'workload-entries',
  { labels, namespace = '' }: KeyOf<typeof selectionKey>,
): readonly ObjectKey[] {
  if (labels.length === 0) return view.index(collection, 'namespace', namespace);
  const lists = labels.map((label) => view.index(collection, 'label', label));
  return lists.reduce((rarest, list) => (list.length < rarest.length ? list : rarest));
}

/** Whether any pod is known: configuration may be checked without the workloads that it is for. */
const knowsPods = defineQuery('knows-pods', (view: View, _key: string): boolean => view.list('pods').length > 0);

/**
 * Whether no workload with a proxy has these labels, in a namespace or, without one, in the mesh. Never where no pod is
 * known at all. Of `labels` and `namespace` one must say something.
 */
export const selectsNothing = (view: View, labels: Labels, namespace?: string): boolean =>
  view.query(knowsPods, '') &&
  !view.query(hasWorkload, selectionKey({ labels: internList(labelTexts(labels)), namespace }));

/** Whether some workload with a proxy has the labels of both selectors, in whatever namespace. */
export function shareWorkload(view: View, first: Labels, second: Labels): boolean {
  if (Object.entries(first).some(([name, value]) => (second[name] ?? value) !== value)) return false;
  const labels = labelTexts({ ...first, ...second });
  return (
    labels.length > 0 && view.query(hasWorkload, selectionKey({ labels: internList(labels), namespace: undefined }))
  );
}

/** Labels as messages show them, and Kubernetes writes a selector: `app=web,version=v1`. */
export const labelText = (labels: Labels): string => labelTexts(labels).join(',');
const labelTexts = (labels: Labels): string[] =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort();

function splitLabel(text: string): readonly [name: string, value: string] {
  const place = text.indexOf('=');
  return [text.slice(0, place), text.slice(place + 1)];
}
