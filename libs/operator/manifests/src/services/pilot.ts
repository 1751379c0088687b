import { httpProbes, identityFlags, identityMounts, temporaryFiles } from '../mounts.ts';
import { noRights } from '../rights.ts';
import type { ManifestOptions, ServiceSpec } from '../service-spec.ts';
import { busEnvironment, busFlags, commonFlags, monitoring } from './common.ts';

/** What every proxy connects to. It has no rights at the API server and no token for it. */
export const pilot = (options: ManifestOptions): ServiceSpec => ({
  name: 'pilot',
  args: [...commonFlags(options), ...identityFlags(options.namespace), ...busFlags],
  env: busEnvironment('pilot'),
  ports: [
    { name: 'grpc-xds', port: 15_010, purpose: 'xDS in plaintext, without Secrets' },
    { name: 'https-dns', port: 15_012, purpose: 'xDS over TLS' },
    monitoring,
  ],
  rights: noRights,
  replicas: { least: 2, most: 5 },
  requests: { cpu: '100m', memory: '256Mi' },
  mounts: [temporaryFiles, ...identityMounts],
  probes: httpProbes,
});
