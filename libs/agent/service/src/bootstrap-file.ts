import { join } from 'node:path';
import { fillTemplate, type Proxy } from '@flotilla/agent-bootstrap';
import { err, ok, type Result } from '@flotilla/std';

/** The file that Envoy starts with: `text` is written there first, unless it is the user's own. */
export interface BootstrapFile {
  readonly path: string;
  readonly text?: string;
}
export interface BootstrapFileOptions {
  /** A user's template that replaces Istio's. */
  readonly template?: string;
  /** The text of a file; undefined when it does not exist. */
  readonly read: (path: string) => Promise<string | undefined>;
}

/**
 * Envoy's bootstrap: the user's customConfigFile as it is; else a template of the user's, filled; else Istio's, below
 * the proxy's configPath. `.yaml` or `.yaml.tmpl` makes a YAML file. Fails for a template that is missing or needs
 * unknown values.
 */
export async function buildBootstrapFile(
  proxy: Proxy,
  { template, read }: BootstrapFileOptions,
): Promise<Result<BootstrapFile>> {
  const { customConfigFile, proxyBootstrapTemplatePath, configPath = './etc/istio/proxy' } = proxy.proxyConfig;
  if (customConfigFile) return ok({ path: customConfigFile });
  const source = template || proxyBootstrapTemplatePath;
  const path = join(configPath, source && /\.yaml(\.tmpl)?$/.test(source) ? 'envoy-rev.yaml' : 'envoy-rev.json');
  if (!source) return ok({ path, text: JSON.stringify(proxy.bootstrap, undefined, 2) });
  const text = await read(source);
  if (text === undefined) return err(`bootstrap template ${source}: the file does not exist`);
  const filled = fillTemplate(text, templateValues(proxy));
  return filled.ok ? ok({ path, text: filled.value }) : filled;
}

function templateValues({ node, proxyConfig, family }: Proxy): Readonly<Record<string, string>> {
  const { localhost, wildcard, dnsLookupFamily } = family;
  return {
    nodeID: node.id,
    cluster: node.cluster,
    discovery_address: proxyConfig.discoveryAddress ?? '',
    localhost,
    wildcard,
    dns_lookup_family: dnsLookupFamily,
    config_path: proxyConfig.configPath ?? '',
    meta_json_str: JSON.stringify(node.metadata),
  };
}
