import { defaultValues, type Values } from '@flotilla/injector-template';
import type { LabelSelector } from '@flotilla/rules';
import { describe, expect, it } from 'vitest';
import { skipReason, webhookSelects } from './decide.ts';

const pod = (labels: Record<string, string>, annotations: Record<string, string> = {}, spec = {}) => ({
  metadata: { labels, annotations },
  spec: { containers: [], ...spec },
});
const name = 'sidecar.istio.io/inject';

describe('a pod is left alone', () => {
  it.each([
    ['its label says no', pod({ [name]: 'false' }, { [name]: 'true' }), 'shop'],
    ['its annotation says no', pod({}, { [name]: 'no' }), 'shop'],
    ['it says something else than yes', pod({ [name]: 'maybe' }), 'shop'],
    ['it uses the network of its host', pod({ [name]: 'true' }, {}, { hostNetwork: true }), 'shop'],
    ['it is in a namespace of Kubernetes', pod({ [name]: 'true' }), 'kube-system'],
  ])('when %s', (_, given, namespace) => expect(skipReason(given, namespace, defaultValues)).toBeTruthy());
  it.each([
    ['it says nothing', pod({})],
    ['its empty label beats its annotation', pod({ [name]: '' }, { [name]: 'false' })],
    ['it says yes in capitals', pod({ [name]: 'YES' })],
  ])('but not when %s', (_, given) => expect(skipReason(given, 'shop', defaultValues)).toBeUndefined());
});

describe('an installation decides about pods that say nothing', () => {
  const never: LabelSelector[] = [
    { matchExpressions: [{ key: 'build', operator: 'Exists' }] },
    { matchLabels: { never: 'yes' } },
  ];
  const always: LabelSelector[] = [
    { matchLabels: { always: 'yes' } },
    {},
    { matchExpressions: [{ key: 'x', operator: 'Near', values: ['y'] }] },
  ];
  const values = (autoInject: string): Values => ({
    ...defaultValues,
    global: { ...defaultValues.global, proxy: { ...defaultValues.global.proxy, autoInject } },
    sidecarInjectorWebhook: {
      ...defaultValues.sidecarInjectorWebhook,
      neverInjectSelector: never,
      alwaysInjectSelector: always,
    },
  });
  it.each<{ policy: string; what: string; labels: Record<string, string>; injected: boolean }>([
    { policy: 'enabled', what: 'nothing selects', labels: {}, injected: true },
    { policy: 'enabled', what: 'a never selector selects', labels: { build: '' }, injected: false },
    { policy: 'enabled', what: 'both select', labels: { never: 'yes', always: 'yes' }, injected: false },
    {
      policy: 'enabled',
      what: 'a never selector selects, and that requests it itself',
      labels: { never: 'yes', [name]: 'true' },
      injected: true,
    },
    { policy: 'disabled', what: 'nothing selects', labels: {}, injected: false },
    { policy: 'disabled', what: 'an always selector selects', labels: { always: 'yes' }, injected: true },
    { policy: 'disabled', what: 'requests it itself', labels: { [name]: 'true' }, injected: true },
    {
      policy: 'disabled',
      what: 'an always selector selects, and that refuses',
      labels: { always: 'yes', [name]: 'false' },
      injected: false,
    },
    { policy: 'sometimes', what: 'requests it itself', labels: { [name]: 'true' }, injected: false },
  ])('by policy $policy, one that $what', ({ policy, labels, injected }) =>
    expect(skipReason(pod(labels), 'shop', values(policy)) === undefined).toBe(injected),
  );
});

describe('the webhook is asked', () => {
  it.each<{
    what: string;
    namespace: Record<string, string>;
    pod: Record<string, string>;
    revision: string;
    selected: boolean;
  }>([
    {
      what: 'for a labelled namespace',
      namespace: { 'istio-injection': 'enabled' },
      pod: {},
      revision: 'default',
      selected: true,
    },
    {
      what: 'not for a pod of it that refuses',
      namespace: { 'istio-injection': 'enabled' },
      pod: { [name]: 'false' },
      revision: 'default',
      selected: false,
    },
    {
      what: 'not for a disabled namespace, whatever its pod says',
      namespace: { 'istio-injection': 'disabled' },
      pod: { [name]: 'true' },
      revision: 'default',
      selected: false,
    },
    {
      what: 'for a pod that requests it in a namespace without labels',
      namespace: {},
      pod: { [name]: 'true' },
      revision: 'default',
      selected: true,
    },
    { what: 'not for a pod that is silent there', namespace: {}, pod: {}, revision: 'default', selected: false },
    {
      what: 'of its revision only',
      namespace: { 'istio.io/rev': 'canary' },
      pod: {},
      revision: 'default',
      selected: false,
    },
    {
      what: 'for a namespace of its revision',
      namespace: { 'istio.io/rev': 'canary' },
      pod: {},
      revision: 'canary',
      selected: true,
    },
    {
      what: 'for a pod of its revision',
      namespace: {},
      pod: { 'istio.io/rev': 'canary' },
      revision: 'canary',
      selected: true,
    },
    {
      what: 'not by revision where istio-injection decides',
      namespace: { 'istio-injection': 'enabled', 'istio.io/rev': 'canary' },
      pod: {},
      revision: 'canary',
      selected: false,
    },
  ])('$what', ({ namespace, pod: labels, revision, selected }) =>
    expect(webhookSelects(namespace, labels, revision)).toBe(selected),
  );
});
