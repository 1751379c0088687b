import type { Labels, LabelSelector } from './labels.ts';
import { nameOfRevision } from './revision.ts';

/** Labels that decide about injection: of a namespace, of a namespace or pod, and of a pod. */
const [injection, revisionLabel, inject] = ['istio-injection', 'istio.io/rev', 'sidecar.istio.io/inject'] as const;
/** The suffix of the names of all webhooks for injection, by which the injector recognizes its own. */
export const injectionWebhookSuffix = 'sidecar-injector.istio.io';
/**
 * Namespaces of Kubernetes itself: their pods are never injected, they get no root certificate, and their Services are
 * not analyzed (pkg/kube/inject, `IgnoredNamespaces`).
 */
export const ignoredNamespaces: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
];

/** Selects the pods that the API server sends to the injector through one webhook. */
export interface InjectionSelector {
  /** The prefix of the webhook's name. */
  readonly name: string;
  readonly namespaceSelector: LabelSelector;
  readonly objectSelector: LabelSelector;
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];
const isAbsent = (key: string): Expression => ({ key, operator: 'DoesNotExist' });
const is = (key: string, value: string): Expression => ({ key, operator: 'In', values: [value] });
const isNot = (key: string, ...values: string[]): Expression => ({ key, operator: 'NotIn', values });
const selectorOf = (
  name: string,
  { namespace, pod }: { readonly namespace: readonly Expression[]; readonly pod: readonly Expression[] },
): InjectionSelector => ({
  name,
  namespaceSelector: { matchExpressions: namespace },
  objectSelector: { matchExpressions: pod },
});

/**
 * The selectors of Istio's MutatingWebhookConfiguration for a revision or a tag of one ('' and `default` are the
 * default revision). A namespace's labels take precedence; without them, the pod's labels decide. With
 * `enableNamespacesByDefault`, pods and namespaces without any label are selected too (Istio's chart istio-discovery,
 * mutatingwebhook.yaml).
 */
export function injectionSelectors(
  revision: string,
  { enableNamespacesByDefault = false }: { readonly enableNamespacesByDefault?: boolean } = {},
): readonly InjectionSelector[] {
  const name = revision || 'default';
  const byRevision = [
    selectorOf('rev.namespace', {
      namespace: [is(revisionLabel, name), isAbsent(injection)],
      pod: [isNot(inject, 'false')],
    }),
    selectorOf('rev.object', {
      namespace: [isAbsent(revisionLabel), isAbsent(injection)],
      pod: [isNot(inject, 'false'), is(revisionLabel, name)],
    }),
  ];
  if (name !== 'default') return byRevision;
  const unlabelled = [isAbsent(injection), isAbsent(revisionLabel)];
  return [
    ...byRevision,
    selectorOf('namespace', { namespace: [is(injection, 'enabled')], pod: [isNot(inject, 'false')] }),
    selectorOf('object', { namespace: unlabelled, pod: [is(inject, 'true'), isAbsent(revisionLabel)] }),
    ...(enableNamespacesByDefault
      ? [
          selectorOf('auto', {
            namespace: [...unlabelled, isNot('kubernetes.io/metadata.name', ...ignoredNamespaces)],
            pod: [isAbsent(inject), isAbsent(revisionLabel)],
          }),
        ]
      : []),
  ];
}

/** How the injector is registered with the API server. */
export interface InjectionWebhookOptions {
  /** The revision of the control plane. */
  readonly revision: string;
  /** A tag of it (`istioctl tag`): pods and namespaces name the tag instead of the revision. */
  readonly tag?: string;
  /** The injector's Kubernetes Service, and its path: `/inject`, or `/inject/cluster/NAME/net/NAME`. */
  readonly service: { readonly name: string; readonly namespace: string; readonly path?: string };
  /** Whether the API server calls the webhook again when another one has changed the pod. */
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
  readonly enableNamespacesByDefault?: boolean;
  readonly labels?: Labels;
}

/** The name of a revision's MutatingWebhookConfiguration, or of a tag's, as in Istio's charts. */
export function injectionWebhookName({ revision, tag, service }: InjectionWebhookOptions): string {
  const apart = service.namespace === 'istio-system' ? '' : `-${service.namespace}`;
  if (tag !== undefined) return `istio-revision-tag-${tag}${apart}`;
  return `${nameOfRevision('istio-sidecar-injector', revision)}${apart}`;
}

/**
 * The MutatingWebhookConfiguration of an injector, as in Istio's charts. It has no caBundle: the injector writes that,
 * and applying the configuration again does not change it. While the injector does not answer, selected pods are not
 * created (`failurePolicy: Fail`), so that none starts outside the mesh. The pods of a control plane must therefore
 * have the label `sidecar.istio.io/inject: "false"`, which no selector matches.
 */
export function buildInjectionWebhooks(options: InjectionWebhookOptions) {
  const { revision, tag, service, reinvocationPolicy = 'Never', labels = {} } = options;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: injectionWebhookName(options),
      labels: {
        app: 'sidecar-injector',
        ...labels,
        [revisionLabel]: revision || 'default',
        ...(tag === undefined ? {} : { 'istio.io/tag': tag }),
      },
    },
    webhooks: injectionSelectors(tag ?? revision, options).map(({ name, namespaceSelector, objectSelector }) => ({
      name: `${name}.${injectionWebhookSuffix}`,
      clientConfig: {
        service: { name: service.name, namespace: service.namespace, path: service.path ?? '/inject', port: 443 },
      },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
      namespaceSelector,
      objectSelector,
      failurePolicy: 'Fail',
      reinvocationPolicy,
      sideEffects: 'None',
      admissionReviewVersions: ['v1beta1', 'v1'],
    })),
  };
}
