import type { PodObject, Values } from '@flotilla/injector-template';
import { labelSelectorSelects, type LabelSelector } from '@flotilla/rules';

/** Namespaces of Kubernetes itself, never injected. */
const ignoredNamespaces = ['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage'];
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

type Labels = Readonly<Record<string, string>>;

/**
 * Whether the API server sends a pod to the injector at all: the selectors of Istio's MutatingWebhookConfiguration
 * for a revision ('' and `default` are the default revision). A namespace's labels come first, a pod's own fill in
 * where it has none.
 */
export function webhookSelects(namespaceLabels: Labels, podLabels: Labels, revision = 'default'): boolean {
  const rev = revision || 'default';
  const [injection, namespaceRev] = [namespaceLabels['istio-injection'], namespaceLabels['istio.io/rev']];
  const [inject, podRev] = [podLabels['sidecar.istio.io/inject'], podLabels['istio.io/rev']];
  const isDefault = rev === 'default';
  const selectors: readonly boolean[] = [
    // 1. the namespace names the revision
    injection === undefined && namespaceRev === rev && inject !== 'false',
    // 2. the pod names it
    injection === undefined && namespaceRev === undefined && podRev === rev && inject !== 'false',
    // 3. the namespace is labelled for the default revision
    isDefault && injection === 'enabled' && inject !== 'false',
    // 4. the pod requests it
    isDefault && injection === undefined && namespaceRev === undefined && podRev === undefined && inject === 'true',
  ];
  return selectors.some(Boolean);
}
