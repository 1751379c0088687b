import { labelsOf, selectorOf } from './labels.ts';
import { containerSecurity, podSecurity } from './security.ts';
import type { Manifest, ManifestOptions, ServiceSpec } from './service-spec.ts';

/**
 * The Deployment of a service, or the StatefulSet of one with storage. With a HorizontalPodAutoscaler, the manifest has
 * no number of replicas, because applying it again would override the autoscaler.
 */
export function buildWorkload(spec: ServiceSpec, options: ManifestOptions): Manifest {
  const { name, replicas, storage } = spec;
  const labels = { ...labelsOf(name), ...spec.labels };
  const template = {
    metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' } },
    spec: pod(spec, options),
  };
  const common = {
    ...(typeof replicas === 'number' ? { replicas } : {}),
    selector: { matchLabels: selectorOf(name) },
    template,
  };
  const metadata = { name, namespace: options.namespace, labels };
  if (!storage)
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { ...common, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } },
    };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: {
      ...common,
      serviceName: name,
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: storage.size } } },
        },
      ],
    },
  };
}

/** The pod of a service; it gets a token for the API server only if the service has rights. */
function pod(spec: ServiceSpec, { hub, tag }: ManifestOptions): object {
  const { name, args, env = [], ports, mounts, storage, probes, requests } = spec;
  const mount = ({ name, path }: { readonly name: string; readonly path: string }): object => ({
    name,
    mountPath: path,
  });
  return {
    serviceAccountName: name,
    automountServiceAccountToken: hasRights(spec),
    terminationGracePeriodSeconds: 30,
    securityContext: podSecurity(),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorOf(name) },
      },
    ],
    containers: [
      {
        name,
        image: `${hub}/${name}:${tag}`,
        args,
        env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }, ...env],
        ports: ports.map(({ name, port, containerPort = port }) => ({ name, containerPort })),
        startupProbe: probes.startup,
        livenessProbe: probes.liveness,
        readinessProbe: probes.readiness,
        resources: { requests },
        securityContext: containerSecurity,
        volumeMounts: [...mounts.map(mount), ...(storage ? [mount({ name: 'data', path: storage.path })] : [])],
      },
    ],
    volumes: mounts.map(({ name, source }) => ({ name, ...source })),
  };
}

const hasRights = ({ rights }: ServiceSpec): boolean => rights.cluster.length + rights.namespace.length > 0;
