import type { Manifest, ManifestOptions, ServiceSpec } from './service-spec.ts';
import type { ProxyPeers } from './mesh.ts';
import { citadel } from './services/citadel.ts';
import { busAddress } from './services/common.ts';
import { galley } from './services/galley.ts';
import { istiod } from './services/istiod.ts';
import { nats } from './services/nats.ts';
import { pilot } from './services/pilot.ts';
import { sidecarInjector } from './services/sidecar-injector.ts';

export const shapes = ['fleet', 'monolith'] as const;
export type Shape = (typeof shapes)[number];

/** The services of a shape, in the order of docs/architecture.md. The order has no effect. */
export function servicesOf(shape: Shape, options: ManifestOptions): readonly ServiceSpec[] {
  switch (shape) {
    case 'fleet':
      return [citadel, nats, galley, pilot, sidecarInjector].map((describe) => describe(options));
    case 'monolith':
      return [istiod(options)];
  }
}

export function proxyPeersOf(shape: Shape, { namespace }: ManifestOptions): ProxyPeers {
  switch (shape) {
    case 'fleet':
      return { discovery: `pilot.${namespace}.svc:15012`, certificates: `citadel.${namespace}.svc:15022` };
    case 'monolith':
      return { discovery: `istiod.${namespace}.svc:15012`, certificates: `istiod.${namespace}.svc:15012` };
  }
}

/** The Kubernetes Service of the webhook. */
export const webhookServiceOf = (shape: Shape): string => (shape === 'fleet' ? 'sidecar-injector' : 'istiod');

/** The address at which the services of the fleet find nats-server. */
export const buildBusAddress = ({ namespace }: ManifestOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: busAddress.name, namespace, labels: { 'app.kubernetes.io/part-of': 'istio' } },
  data: { [busAddress.key]: `nats.${namespace}.svc:4222` },
});
