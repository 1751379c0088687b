import { expect, it } from 'vitest';
import { defaultValues, parseValues } from './values.ts';

it('given values lie over the defaults, and what the templates do not read is left out', () => {
  const parsed = parseValues({
    global: { tag: 7, proxy: { autoInject: 'disabled' }, other: 1 },
    sidecarInjectorWebhook: { neverInjectSelector: [{ matchLabels: { a: 'b' } }] },
  });
  expect(parsed).toEqual({
    ok: true,
    value: {
      ...defaultValues,
      global: { ...defaultValues.global, tag: '7', proxy: { ...defaultValues.global.proxy, autoInject: 'disabled' } },
      sidecarInjectorWebhook: {
        ...defaultValues.sidecarInjectorWebhook,
        neverInjectSelector: [{ matchLabels: { a: 'b' } }],
      },
    },
  });
});

it.each<[unknown, string]>([
  [{ global: [] }, 'global: expected an object, found a list'],
  [{ global: { proxy: { privileged: 'yes' } } }, 'global.proxy.privileged: expected boolean, found string'],
  [
    { global: { imagePullSecrets: [{ name: 'x' }] } },
    'global.imagePullSecrets: expected a list of names, found a list',
  ],
  [
    { sidecarInjectorWebhook: { alwaysInjectSelector: [{ matchLabels: { a: 1 } }] } },
    'sidecarInjectorWebhook.alwaysInjectSelector: expected a list of label selectors, found a list',
  ],
  [
    { sidecarInjectorWebhook: { injectedAnnotations: { a: {} } } },
    'sidecarInjectorWebhook.injectedAnnotations: expected an object of texts, found an object',
  ],
])('refuses %j, saying where', (raw, error) => expect(parseValues(raw)).toEqual({ ok: false, error }));
