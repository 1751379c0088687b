import { describe, expect, it } from 'vitest';
import { prepareProxy, type ProxyStartInput } from './proxy-start.ts';

const prepare = (
  more: Partial<ProxyStartInput> & { readonly config?: string; readonly files?: Record<string, string> },
) =>
  prepareProxy({
    args: ['sidecar'],
    env: { POD_NAME: 'web-1', POD_NAMESPACE: 'shop', PROXY_CONFIG: more.config ?? '' },
    interfaces: [{ name: 'eth0', address: '10.0.0.1' }],
    read: (path) => Promise.resolve(more.files?.[path]),
    resolve: () => Promise.resolve(undefined),
    ...more,
  });

describe('how a proxy starts', () => {
  it('has the address of statsd, as Envoy takes no names there', async () => {
    const config = 'statsdUdpAddress: statsd.obs:8125';
    const resolved = await prepare({ config, resolve: (host) => Promise.resolve(host === 'statsd.obs' ? '::7' : '') });
    expect(resolved.ok && resolved.value.proxy.bootstrap['stats_sinks']).toMatchObject([
      { typed_config: { address: { socket_address: { address: '::7', port_value: 8125 } } } },
    ]);
    const unknown = await prepare({ config });
    expect(unknown.ok && unknown.value.proxy.bootstrap['stats_sinks']).toBeUndefined();
  });

  it('leaves out the addresses of interfaces that the pod excludes', async () => {
    const prepared = await prepare({
      interfaces: [
        { name: 'eth0', address: '10.0.0.1' },
        { name: 'net1', address: '10.9.0.1' },
      ],
      files: { './etc/istio/pod/annotations': 'traffic.sidecar.istio.io/excludeInterfaces="net1"' },
    });
    expect(prepared.ok && prepared.value.proxy.instanceIps).toEqual(['10.0.0.1']);
  });

  it('takes flags that are deprecated, and passes over those that nobody knows', async () => {
    const args = ['sidecar', '--later', 'value', '--other=1', '--concurrency', '3', '--serviceCluster', 'mine'];
    const prepared = await prepare({ args });
    expect(prepared.ok && prepared.value.envoyArgs.slice(-2)).toEqual(['--concurrency', '3']);
  });

  it("starts Envoy with the user's own file, and writes none", async () => {
    const prepared = await prepare({ config: 'customConfigFile: ./own.json' });
    expect(prepared.ok && prepared.value.bootstrap).toEqual({ path: './own.json' });
    expect(prepared.ok && prepared.value.envoyArgs.slice(0, 2)).toEqual(['-c', './own.json']);
  });

  it('says which template is missing, and warns of a missing override', async () => {
    expect(await prepare({ args: ['sidecar', '--templateFile=./own.tmpl'] })).toEqual({
      ok: false,
      error: 'bootstrap template ./own.tmpl: the file does not exist',
    });
    const prepared = await prepare({ env: { ISTIO_BOOTSTRAP_OVERRIDE: './over.json' } });
    expect(prepared.ok && prepared.value.warnings).toEqual(['ISTIO_BOOTSTRAP_OVERRIDE: ./over.json does not exist']);
  });
});
