import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterOptions } from './cluster/cluster.ts';

export type Mode = 'fleet' | 'monolith';
const manifests = fileURLToPath(new URL('../manifests', import.meta.url));

/** Copies the shop that ships with the demo into a folder of the run, to be edited there; returns the copy. */
export function copyShop(folder: string): string {
  const copy = join(folder, 'shop');
  cpSync(join(manifests, 'shop'), copy, { recursive: true });
  return copy;
}

const token = (): string => randomBytes(32).toString('base64url');
const services = ['galley', 'pilot', 'sidecar-injector'];

/**
 * What a control plane of either shape consists of: its manifests, its secrets, its webhook; and the ingress gateway
 * that is always there.
 */
export function controlPlane(mode: Mode): Pick<ClusterOptions, 'system' | 'secrets' | 'webhook'> {
  const system = [join(manifests, 'control-plane', `${mode}.yaml`), join(manifests, 'system')];
  const webhook = { namespace: 'istio-system', service: mode === 'fleet' ? 'istio-sidecar-injector' : 'istiod' };
  return { system, webhook, secrets: mode === 'fleet' ? fleetSecrets() : {} };
}

/** A bootstrap token for each service; citadel knows all of them. */
function fleetSecrets(): ClusterOptions['secrets'] {
  const tokens = Object.fromEntries([...services, 'nats'].map((service) => [service, token()]));
  return {
    'istio-system/bootstrap-tokens': { 'tokens.json': JSON.stringify(tokens) },
    ...Object.fromEntries(
      Object.entries(tokens).map(([service, value]) => [`istio-system/${service}-bootstrap`, { token: value }]),
    ),
  };
}
