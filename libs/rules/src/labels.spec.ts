import { describe, expect, it } from 'vitest';
import { hasSelector, labelSelectorSelects, labelsMatch, labelsMatchBy, selects, type Labels } from './labels.ts';

const labels: Labels = { app: 'web', version: 'v1' };

describe('labels', () => {
  it('match a selector whose labels they all have', () => {
    const matching: Labels[] = [{}, { app: 'web' }, labels];
    const others: Labels[] = [{ app: 'api' }, { tier: '' }, { constructor: 'web' }];
    expect(matching.every((selector) => labelsMatch(selector, labels))).toBe(true);
    expect(others.some((selector) => labelsMatch(selector, labels))).toBe(false);
  });
  it('are read one by one, no further than the first difference', () => {
    const read: string[] = [];
    const matches = labelsMatchBy({ app: 'api', version: 'v1' }, (name) => {
      read.push(name);
      return 'web';
    });
    expect([matches, read]).toEqual([false, ['app']]);
    expect(labelsMatchBy(undefined, () => undefined)).toBe(true);
  });
  it('are not selected by an empty selector of a service', () =>
    expect([selects({}, labels), selects({ app: 'web' }, labels)]).toEqual([false, true]));
  it('select workloads of an Istio resource when there are any', () => {
    expect(hasSelector({ spec: { selector: { matchLabels: { app: 'web' } } } })).toBe(true);
    expect([{}, { selector: {} }, { selector: { matchLabels: {} } }].some((spec) => hasSelector({ spec }))).toBe(false);
  });
});

describe('a selector of Kubernetes', () => {
  it.each<{ operator: string; values?: readonly string[]; label?: string; selected: boolean }>([
    { operator: 'In', values: ['a', 'b'], label: 'b', selected: true },
    { operator: 'In', values: ['a'], selected: false },
    { operator: 'NotIn', values: ['a'], selected: true },
    { operator: 'NotIn', values: ['a'], label: 'a', selected: false },
    { operator: 'NotIn', values: [], label: 'b', selected: false },
    { operator: 'Exists', label: '', selected: true },
    { operator: 'Exists', values: ['a'], label: 'a', selected: false },
    { operator: 'DoesNotExist', selected: true },
    { operator: 'DoesNotExist', label: 'a', selected: false },
    { operator: 'Near', values: ['a'], label: 'a', selected: false },
  ])('decides by its expressions: %j', ({ operator, values, label, selected }) => {
    const given: Labels = label === undefined ? {} : { k: label };
    expect(labelSelectorSelects({ matchExpressions: [{ key: 'k', operator, values }] }, given)).toBe(selected);
  });
  it('needs all its conditions, and at least one', () => {
    const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'version', operator: 'Exists' }] };
    const candidates: Labels[] = [labels, { app: 'web' }, { version: 'v1' }];
    expect(candidates.map((given) => labelSelectorSelects(selector, given))).toEqual([true, false, false]);
    expect(labelSelectorSelects({}, labels)).toBe(false);
    const inherited = { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] };
    expect(labelSelectorSelects(inherited, labels)).toBe(false);
  });
});
