import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configOf, defaultValues } from '@flotilla/injector-template';
import { FakeKube } from '@flotilla/kube-fake';
import { resources } from '@flotilla/kube-port';
import { noObservability, type Logger } from '@flotilla/observability-port';
import { createConfigMapSource } from './config-map-source.ts';

const installation = { domain: 'cluster.local', systemNamespace: 'istio-system' };
const fallback = configOf({ ...defaultValues, global: { ...defaultValues.global, hub: 'fallback' } });

describe('the configuration of injection in a cluster', () => {
  let api: FakeKube;
  let stop: AbortController;
  let lines: string[];
  let running: Promise<void>;
  beforeEach(() => {
    [api, stop, lines] = [new FakeKube(), new AbortController(), []];
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const write: Logger['warn'] = (message, fields) =>
    void lines.push(`${message} (${String(fields?.['configMap'])}) ${String(fields?.['problem'] ?? '')}`);
  const log = { ...noObservability.log, warn: write, error: write };
  const start = (revision = 'default') => {
    const source = createConfigMapSource({ api, installation, revision, fallback, log });
    running = source.runner.run(stop.signal);
    const becomes = async (hub: string): Promise<void> => {
      while (source.current()?.values.global.hub !== hub) await new Promise((resolve) => setImmediate(resolve));
    };
    return { ...source, becomes };
  };
  const heard = async (text: string): Promise<void> => {
    while (!lines.some((line) => line.includes(text))) await new Promise((resolve) => setImmediate(resolve));
  };
  const nameOf = (name: string) => ({ namespace: 'istio-system', name });
  const dataWith = (hub: string) => ({ config: 'policy: enabled', values: JSON.stringify({ global: { hub } }) });
  const put = (hub: string, name = 'istio-sidecar-injector') =>
    api.others.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: nameOf(name),
      data: dataWith(hub),
    });
  const change = (data: object) =>
    api.others.patch(resources.configMaps, nameOf('istio-sidecar-injector'), { type: 'merge', body: { data } });

  it('is read, and read again when it changes', async () => {
    await put('one');
    const { becomes, ready } = start();
    await ready;
    await becomes('one');
    await change(dataWith('two'));
    await becomes('two');
  });

  it('is read from the ConfigMap of its revision', async () => {
    await put('default');
    await put('canary', 'istio-sidecar-injector-canary');
    await start('canary').becomes('canary');
  });

  it('stays in force when the next one is not valid, or is deleted, and says so', async () => {
    await put('one');
    const { becomes, current } = start();
    await becomes('one');
    await change({ config: 'policy: [' });
    await heard('is not valid, the last one stays in force (istio-system/istio-sidecar-injector) config: ');
    await api.others.delete(resources.configMaps, nameOf('istio-sidecar-injector'));
    await heard('no longer exists; the last one stays in force');
    expect(current()?.values.global.hub).toBe('one');
    await put('two');
    await becomes('two');
  });

  it('is unknown while the first one is not valid, so that no pod is injected with other values', async () => {
    await put('one');
    await change({ values: '[' });
    const { current, becomes } = start();
    await heard('cannot be injected until it is');
    expect(current()).toBeUndefined();
    await change(dataWith('two'));
    await becomes('two');
  });

  it('is the fallback while there is none', async () => {
    const { becomes } = start();
    await becomes('fallback');
    await heard('does not exist');
    await put('one');
    await becomes('one');
  });

  it('is awaited while the API server is unreachable, and stays in force when it becomes unreachable later', async () => {
    await put('one');
    api.cut();
    const { becomes, current } = start();
    await heard('connection refused');
    expect(current()).toBeUndefined();
    api.restore();
    await becomes('one');
    api.cut();
    await change(dataWith('two'));
    expect(current()?.values.global.hub).toBe('one');
    api.restore();
    await becomes('two');
  });

  it('is said not to exist once, also when the API server is read again', async () => {
    const { becomes } = start();
    await heard('does not exist');
    api.cut();
    await heard('connection refused');
    api.restore();
    await put('one');
    await becomes('one');
    expect(lines.filter((line) => /exists?\b/.test(line))).toHaveLength(1);
  });

  it('names templates without effect', async () => {
    await put('one');
    await change({ config: 'templates: { custom: "metadata: {}" }' });
    await start().becomes('one');
    await heard('template custom has no effect');
  });
});
