import type { ManifestOptions, ServicePort } from '../service-spec.ts';

/** Health and metrics, which every service has. */
export const monitoring: ServicePort = { name: 'http-monitoring', port: 15_014, purpose: 'health and metrics' };

/** The flags that all services share: where they listen, and where they are installed. */
export const commonFlags = ({ domain, trustDomain }: ManifestOptions): readonly string[] => [
  '--bind=0.0.0.0',
  '--drain-duration=15s',
  `--domain=${domain}`,
  `--trust-domain=${trustDomain}`,
];

/** The address of nats-server, in a ConfigMap, so that one line has to change to use another one. */
export const busAddress = { name: 'nats', key: 'server' } as const;

/** The flags and environment of a service on the bus; the variable sets its option `--nats-server`. */
export const busFlags: readonly string[] = ['--bus=nats'];
export const busEnvironment = (service: string): readonly Readonly<Record<string, unknown>>[] => [
  {
    name: `${service.toUpperCase().replaceAll('-', '_')}_NATS_SERVER`,
    valueFrom: { configMapKeyRef: busAddress },
  },
];
