import type { PodObject, Values } from '@flotilla/injector-template';
import {
  ignoredNamespaces,
  injectionSelectors,
  labelSelectorSelects,
  type Labels,
  type LabelSelector,
} from '@flotilla/rules';

const yes = new Set(['y', 'yes', 'true', 'on']);

/**
 * Why a pod is left as it is; undefined when it is to be injected. What the pod says itself comes first: its label
 * over its annotation of the same name, even an empty one. If it says nothing, the installation's selectors do, then
 * its policy (pkg/kube/inject, injectRequired).
 */
export function skipReason(
  pod: PodObject,
  namespace: string,
  { global, sidecarInjectorWebhook }: Values,
): string | undefined {
  const name = 'sidecar.istio.io/inject';
  const { labels = {}, annotations = {} } = pod.metadata;
  const request = labels[name] ?? annotations[name] ?? '';
  const policy = global.proxy.autoInject;
  const isSelected = (selectors: readonly LabelSelector[]): boolean =>
    request === '' && selectors.some((selector) => labelSelectorSelects(selector, labels));
  const isNever = isSelected(sidecarInjectorWebhook.neverInjectSelector);
  const isRequested = yes.has(request.toLowerCase()) || isSelected(sidecarInjectorWebhook.alwaysInjectSelector);
  const reasons: readonly (readonly [boolean, string])[] = [
    [pod.spec.hostNetwork === true, 'the pod uses the network of its host'],
    [ignoredNamespaces.includes(namespace), `namespace ${namespace} is Kubernetes' own`],
    [policy !== 'enabled' && policy !== 'disabled', `autoInject is "${policy}", neither enabled nor disabled`],
    [request !== '' && !yes.has(request.toLowerCase()), `${name} is "${request}"`],
    [isNever, 'a neverInjectSelector selects it'],
    [policy === 'disabled' && !isRequested, 'autoInject is disabled and the pod does not request it'],
  ];
  return reasons.find(([applies]) => applies)?.[1];
}

/**
 * Whether the API server sends a pod to the injector of a revision: whether one of the injector's webhooks selects the
 * labels of the pod and of its namespace.
 */
export const webhookSelects = (namespaceLabels: Labels, podLabels: Labels, revision = 'default'): boolean =>
  injectionSelectors(revision).some(
    ({ namespaceSelector, objectSelector }) =>
      labelSelectorSelects(namespaceSelector, namespaceLabels) && labelSelectorSelects(objectSelector, podLabels),
  );
