import { describe, expect, it } from 'vitest';
import { injectionSelectors } from './injection-webhooks.ts';
import { labelSelectorSelects, type Labels } from './labels.ts';

const selecting = (
  namespace: Labels,
  pod: Labels,
  { revision = 'default', enableNamespacesByDefault = true } = {},
): string[] =>
  injectionSelectors(revision, { enableNamespacesByDefault })
    .filter(
      ({ namespaceSelector, objectSelector }) =>
        labelSelectorSelects(namespaceSelector, namespace) && labelSelectorSelects(objectSelector, pod),
    )
    .map(({ name }) => name);

describe('the selectors of the injection webhooks', () => {
  const labels = ['enabled', 'disabled', undefined].flatMap((injection) =>
    ['default', 'canary', undefined].map<Labels>((revision) => ({
      ...(injection === undefined ? {} : { 'istio-injection': injection }),
      ...(revision === undefined ? {} : { 'istio.io/rev': revision }),
    })),
  );
  const podLabels: readonly Labels[] = [{}, { 'istio.io/rev': 'default' }, { 'istio.io/rev': 'canary' }];

  it('never select a pod that refuses, wherever it is: that is how a control plane starts without its injector', () => {
    for (const namespace of labels)
      for (const pod of podLabels)
        for (const revision of ['default', 'canary'])
          expect(selecting(namespace, { ...pod, 'sidecar.istio.io/inject': 'false' }, { revision })).toEqual([]);
  });
  it('select a pod by one webhook at most, so that it is not sent twice', () => {
    for (const namespace of labels)
      for (const pod of podLabels)
        for (const inject of [{}, { 'sidecar.istio.io/inject': 'true' }] as Labels[])
          for (const revision of ['default', 'canary'])
            expect(selecting(namespace, { ...pod, ...inject }, { revision }).length).toBeLessThanOrEqual(1);
  });
  it('leave namespaces of Kubernetes alone where namespaces are selected by default', () => {
    expect(selecting({ 'kubernetes.io/metadata.name': 'shop' }, {})).toEqual(['auto']);
    expect(selecting({ 'kubernetes.io/metadata.name': 'kube-system' }, {})).toEqual([]);
    expect(selecting({}, {}, { enableNamespacesByDefault: false })).toEqual([]);
  });
});
