export type Labels = Readonly<Record<string, string>>;

/**
 * Whether every label of a selector has its value, as `read` knows the labels. A selector that is empty or absent
 * selects everything.
 */
export const labelsMatchBy = (selector: Labels | undefined, read: (name: string) => string | undefined): boolean =>
  Object.entries(selector ?? {}).every(([name, value]) => read(name) === value);

/**
 * Whether all labels of a selector are among the given ones. An empty selector selects everything (Istio's
 * label.SubsetOf).
 */
export const labelsMatch = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

/** The selector of a Service or ServiceEntry: as `labelsMatch`, but an empty one selects nothing. */
export const selects = (selector: Labels, labels: Labels): boolean =>
  Object.keys(selector).length > 0 && labelsMatch(selector, labels);

/** The labels that an Istio resource selects workloads by (istio.type.v1beta1.WorkloadSelector). */
export const selectorOf = (resource: {
  readonly spec: { readonly selector?: { readonly matchLabels?: Labels } };
}): Labels => resource.spec.selector?.matchLabels ?? {};

/** Whether an Istio resource selects workloads by labels. Without any it applies to its whole namespace. */
export const hasSelector = (resource: Parameters<typeof selectorOf>[0]): boolean =>
  Object.keys(selectorOf(resource)).length > 0;

/** A selector of Kubernetes (meta/v1, LabelSelector). */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key?: string | undefined;
    readonly operator?: string | undefined;
    readonly values?: readonly string[];
  }[];
}

/**
 * Whether a selector of Kubernetes selects these labels. One without any condition selects nothing, nor does one with
 * an operator that Kubernetes does not know or values that the operator does not take: Istio leaves such selectors out.
 */
export function labelSelectorSelects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Labels,
): boolean {
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return false;
  return (
    labelsMatch(matchLabels, labels) &&
    matchExpressions.every(({ key = '', operator, values = [] }) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return values.length > 0 && (value === undefined || !values.includes(value));
        case 'Exists':
          return value !== undefined && values.length === 0;
        case 'DoesNotExist':
          return value === undefined && values.length === 0;
        default:
          return false;
      }
    })
  );
}

/**
 * Whether one of the mesh's discoverySelectors selects a namespace with these labels. Unlike elsewhere, one without any
 * condition selects everything (Kubernetes' LabelSelectorAsSelector).
 */
export const selectsNamespace = (selector: LabelSelector, labels: Labels): boolean =>
  (Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length) ||
  labelSelectorSelects(selector, labels);
