import { existsSync, readFileSync } from 'node:fs';
import { corpusPath } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { parseInjectionConfig, type ParsedInjectionConfig } from './injection-config.ts';
import { defaultValues } from './values.ts';

const values = JSON.stringify({ global: { hub: 'example.com', proxy: { resources: { requests: { cpu: '10m' } } } } });
const parsed = (data: Record<string, unknown>): ParsedInjectionConfig => {
  const result = parseInjectionConfig(data);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

describe('the ConfigMap of an injector', () => {
  it('decides about pods by its config, which takes precedence over its values', () => {
    const config = `
policy: disabled
defaultTemplates: [both]
aliases: { both: [grpc-agent, sidecar] }
alwaysInjectSelector: [{ matchLabels: { always: "yes" } }]
neverInjectSelector:
injectedAnnotations: { note: text }
`;
    expect(parsed({ config, values })).toMatchObject({
      config: {
        defaultTemplates: ['both'],
        aliases: { both: ['grpc-agent', 'sidecar'] },
        values: {
          global: { hub: 'example.com', proxy: { autoInject: 'disabled', resources: { requests: { cpu: '10m' } } } },
          sidecarInjectorWebhook: {
            alwaysInjectSelector: [{ matchLabels: { always: 'yes' } }],
            neverInjectSelector: [],
            injectedAnnotations: { note: 'text' },
          },
        },
      },
      warnings: [],
    });
  });
  it('takes values as complete if there is a config: missing resources were removed', () => {
    const removed = parsed({ config: 'policy: enabled', values: '{"global":{"proxy":{}}}' });
    expect(removed.config.values.global.proxy.resources).toEqual({});
    expect(removed.config.defaultTemplates).toEqual(['sidecar']);
  });
  it('may have values alone, over the defaults of Istio for this installation', () => {
    const read = parseInjectionConfig(
      { values: 'global:\n  proxy: { logLevel: debug }\n' },
      { domain: 'example.org', systemNamespace: 'mesh' },
    );
    if (!read.ok) throw new Error(read.error);
    const { global } = read.value.config.values;
    expect(global.proxy).toEqual({ ...defaultValues.global.proxy, logLevel: 'debug', clusterDomain: 'example.org' });
    expect(global.istioNamespace).toBe('mesh');
  });
  it('names templates that have no effect, and does not use them by default', () => {
    const config = `
defaultTemplates: [sidecar, custom]
templates: { custom: "metadata: {}", sidecar: "spec: {}" }
`;
    const { config: read, warnings } = parsed({ config, values });
    expect(read.defaultTemplates).toEqual(['sidecar']);
    expect(warnings).toEqual([
      'template custom has no effect: custom templates are not supported',
      "template sidecar differs from the one of Istio 1.19: custom templates are not supported, so Istio's is used",
    ]);
  });
  it.each([
    [{ config: 'policy: enabled', values: '[]' }, 'values: expected an object'],
    [{ config: 'policy: [', values }, 'config: '],
    [{ config: 'defaultTemplates: sidecar', values }, 'config: defaultTemplates: expected a list of names'],
    [{ config: 'aliases: [a]', values }, 'config: aliases: expected an object of lists of names'],
    [{ config: 'policy: 1', values }, 'config: policy: expected a text'],
    [{ config: 7, values }, 'config: expected a text'],
    [
      { config: 'neverInjectSelector: [{ matchLabels: { a: 1 } }]', values },
      'config and values: sidecarInjectorWebhook.neverInjectSelector: expected a list of label selectors',
    ],
    [{ config: 'policy: enabled', values: '{"global":"none"}' }, 'global: expected an object, found string'],
    [
      { config: 'policy: enabled', values: '{"global":{"proxy":[]}}' },
      'global.proxy: expected an object, found a list',
    ],
    [{ values: '{"global":{"hub":{}}}' }, 'values: global.hub: expected string, found an object'],
  ])('%j is refused: %s', (data, message) => {
    const read = parseInjectionConfig(data);
    expect(read.ok ? '' : read.error).toContain(message);
  });

  const installed = corpusPath('injection');
  it.runIf(existsSync(installed))('of an installation of Istio has no templates but those that are known', () => {
    const read = (name: string): string => readFileSync(corpusPath('injection', name), 'utf8');
    const { config, warnings } = parsed({ config: read('injection-config.yaml'), values: read('values.json') });
    expect(warnings).toEqual([]);
    expect(config.defaultTemplates).toEqual(['sidecar']);
    expect(config.values.global.tag).toBe('1.19.0');
  });
});
