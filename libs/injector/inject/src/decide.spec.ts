import { describe, expect, it } from 'vitest';
import { skipReason, webhookSelects } from './decide.ts';

const pod = (labels: Record<string, string>, annotations: Record<string, string> = {}, spec = {}) => ({ metadata: { labels, annotations }, spec: { containers: [], ...spec } });
const name = 'sidecar.istio.io/inject';

describe('a pod is left alone', () => {
  it.each([
    ['its label says no', pod({ [name]: 'false' }, { [name]: 'true' }), 'shop'],
    ['its annotation says no', pod({}, { [name]: 'no' }), 'shop'],
    ['it says something else than yes', pod({ [name]: 'maybe' }), 'shop'],
    ['it uses the network of its host', pod({ [name]: 'true' }, {}, { hostNetwork: true }), 'shop'],
    ['it is in a namespace of Kubernetes', pod({ [name]: 'true' }), 'kube-system'],
  ])('when %s', (_, given, namespace) => expect(skipReason(given, namespace)).toBeTruthy());
  it.each([
    ['it says nothing', pod({})],
    ['its empty label beats its annotation', pod({ [name]: '' }, { [name]: 'false' })],
    ['it says yes in capitals', pod({ [name]: 'YES' })],
  ])('but not when %s', (_, given) => expect(skipReason(given, 'shop')).toBeUndefined());
});

describe('the webhook is asked', () => {
  it.each<{ what: string; namespace: Record<string, string>; pod: Record<string, string>; revision: string; selected: boolean }>([
    { what: 'for a labelled namespace', namespace: { 'istio-injection': 'enabled' }, pod: {}, revision: 'default', selected: true },
    { what: 'not for a pod of it that refuses', namespace: { 'istio-injection': 'enabled' }, pod: { [name]: 'false' }, revision: 'default', selected: false },
    { what: 'not for a disabled namespace, whatever its pod says', namespace: { 'istio-injection': 'disabled' }, pod: { [name]: 'true' }, revision: 'default', selected: false },
    { what: 'for a pod that asks in a namespace without labels', namespace: {}, pod: { [name]: 'true' }, revision: 'default', selected: true },
    { what: 'not for a pod that is silent there', namespace: {}, pod: {}, revision: 'default', selected: false },
    { what: 'of its revision only', namespace: { 'istio.io/rev': 'canary' }, pod: {}, revision: 'default', selected: false },
    { what: 'for a namespace of its revision', namespace: { 'istio.io/rev': 'canary' }, pod: {}, revision: 'canary', selected: true },
    { what: 'for a pod of its revision', namespace: {}, pod: { 'istio.io/rev': 'canary' }, revision: 'canary', selected: true },
    { what: 'not by revision where istio-injection decides', namespace: { 'istio-injection': 'enabled', 'istio.io/rev': 'canary' }, pod: {}, revision: 'canary', selected: false },
  ])('$what', ({ namespace, pod: labels, revision, selected }) => expect(webhookSelects(namespace, labels, revision)).toBe(selected));
});
