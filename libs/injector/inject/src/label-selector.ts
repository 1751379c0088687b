import { ownMember } from '@flotilla/std';
import type { LabelSelector, Strings } from '@flotilla/injector-template';

/**
 * Whether a selector of Kubernetes selects these labels. One that says nothing, or has an operator that Kubernetes
 * doesn't know or values that it doesn't take, selects none (Istio leaves such out).
 */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Strings): boolean {
  const isEmpty = Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
  return (
    !isEmpty &&
    Object.entries(matchLabels).every(([key, value]) => ownMember(labels, key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = ownMember(labels, key);
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
