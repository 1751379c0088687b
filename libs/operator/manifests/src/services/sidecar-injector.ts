import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { injectorRights } from '../rights.ts';
import type { ManifestOptions, ServicePort, ServiceSpec } from '../service-spec.ts';
import { busEnvironment, busFlags, commonFlags, monitoring } from './common.ts';

export const webhookPort: ServicePort = {
  name: 'https-webhook',
  port: 443,
  containerPort: 15_017,
  purpose: "the API server's webhook",
};

/** The webhook that puts the proxy into pods. */
export const sidecarInjector = (options: ManifestOptions): ServiceSpec => ({
  name: 'sidecar-injector',
  args: [...commonFlags(options), ...identityFlags(options.namespace), ...busFlags, '--platform=kubernetes'],
  env: busEnvironment('sidecar-injector'),
  ports: [webhookPort, monitoring],
  rights: injectorRights(),
  replicas: { least: 2, most: 5 },
  requests: { cpu: '20m', memory: '128Mi' },
  mounts: [temporaryFiles, ...identityMounts],
  probes: httpProbes,
});
