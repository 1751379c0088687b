import { join } from 'node:path';
import { addressFamily, buildGrpcBootstrap, defaultXdsSocket, fillTemplate } from '@flotilla/agent-bootstrap';
import type { Proxy } from '@flotilla/agent-bootstrap';
import { replaceFile } from '@flotilla/stored-file';
import { readOptional } from './pod-info.ts';

export interface BootstrapFileOptions {
  readonly template?: string;
  readonly grpcBootstrap?: string;
}

/**
 * Writes Envoy's bootstrap below the proxy's configPath and returns its path. An own template takes the place of
 * Istio's; `.yaml.tmpl` makes a YAML file.
 */
export async function writeBootstrap(proxy: Proxy, { template, grpcBootstrap }: BootstrapFileOptions): Promise<string> {
  const folder = proxy.proxyConfig.configPath ?? './etc/istio/proxy';
  const own = template || proxy.proxyConfig.proxyBootstrapTemplatePath || proxy.proxyConfig.customConfigFile;
  const path = join(folder, own?.endsWith('.yaml.tmpl') ? 'envoy-rev.yaml' : 'envoy-rev.json');
  for (const [file, text] of Object.entries(proxy.files)) await replaceFile(file, { text, mode: 0o600 });
  await replaceFile(path, {
    text: own ? await fill(own, proxy) : JSON.stringify(proxy.bootstrap, undefined, 2),
    mode: 0o644,
  });
  if (grpcBootstrap)
    await replaceFile(grpcBootstrap, {
      text: JSON.stringify(buildGrpcBootstrap(proxy.node, defaultXdsSocket), undefined, 2),
      mode: 0o644,
    });
  return path;
}

async function fill(path: string, { node, proxyConfig, instanceIps }: Proxy): Promise<string> {
  const text = await readOptional(path);
  if (text === undefined) throw new Error(`bootstrap template ${path}: the file does not exist`);
  const { localhost, wildcard, dnsLookupFamily } = addressFamily(instanceIps);
  const filled = fillTemplate(text, {
    nodeID: node.id,
    cluster: node.cluster,
    discovery_address: proxyConfig.discoveryAddress ?? '',
    localhost,
    wildcard,
    dns_lookup_family: dnsLookupFamily,
    config_path: proxyConfig.configPath ?? '',
    meta_json_str: JSON.stringify(node.metadata),
  });
  if (!filled.ok) throw new Error(filled.error);
  return filled.value;
}
