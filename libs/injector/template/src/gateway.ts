import { proxyArgs, proxyEnv } from './env.ts';
import { annotationOr, proxyContainerName, type TemplateInput } from './input.ts';
import { canonicalLabels, gatewayAnnotations } from './metadata.ts';
import type { PodOverlay } from './pod.ts';
import { proxyMounts, proxyVolumes } from './volumes.ts';

/** Template `gateway`: a pod whose proxy is its application (its container has the image `auto`). */
export function buildGateway(input: TemplateInput): PodOverlay {
  const { proxy, imagePullPolicy, imagePullSecrets } = input.values.global;
  const image = proxy.image.includes('/')
    ? annotationOr(input, 'sidecar.istio.io/proxyImage', proxy.image)
    : input.proxyImage;
  return {
    metadata: { labels: canonicalLabels(input), annotations: gatewayAnnotations(input) },
    spec: {
      containers: [
        {
          name: proxyContainerName,
          image,
          ports: [{ containerPort: 15_090, protocol: 'TCP', name: 'http-envoy-prom' }],
          args: proxyArgs(input, 'router'),
          ...(Object.keys(proxy.lifecycle).length > 0 ? { lifecycle: proxy.lifecycle } : {}),
          env: proxyEnv(input, 'router'),
          ...(imagePullPolicy ? { imagePullPolicy } : {}),
          readinessProbe: {
            httpGet: { path: '/healthz/ready', port: 15_021 },
            initialDelaySeconds: proxy.readinessInitialDelaySeconds,
            periodSeconds: proxy.readinessPeriodSeconds,
            timeoutSeconds: 3,
            failureThreshold: proxy.readinessFailureThreshold,
          },
          volumeMounts: proxyMounts(input, 'router'),
        },
      ],
      volumes: proxyVolumes(input, 'router'),
      ...(imagePullSecrets.length > 0 ? { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) } : {}),
    },
  };
}
