import { inject } from '@flotilla/injector-inject';
import { parseReview } from '@flotilla/injector-server';
import { defaultValues } from '@flotilla/injector-template';
import { parseMeshConfig, type MeshConfig } from '@flotilla/model';
import { inOrder, json, number, oneOf, repeated, word } from '../grammar.ts';
import type { FuzzTarget } from '../target.ts';

function meshConfig(): MeshConfig {
  const parsed = parseMeshConfig({});
  if (!parsed.ok || parsed.value.collection !== 'mesh-config')
    throw new Error('the default mesh configuration is not valid');
  return parsed.value.spec;
}
const mesh = meshConfig();
const quoted = (text: string): string => JSON.stringify(text);
const annotation = oneOf(
  inOrder('"proxy.istio.io/config": ', (random) =>
    quoted(
      inOrder(
        oneOf('drainDuration: ', 'proxyMetadata: ', 'concurrency: ', 'image: ', 'tracing: '),
        oneOf(json(3), number, word),
      )(random),
    ),
  ),
  inOrder(
    '"sidecar.istio.io/',
    oneOf('proxyCPU', 'proxyMemory', 'inject', 'interceptionMode', 'userVolume', 'statsInclusionPrefixes', 'logLevel'),
    '": ',
    (random) => quoted(oneOf(number, word, json(3))(random)),
  ),
  inOrder(
    '"traffic.sidecar.istio.io/',
    oneOf('includeInboundPorts', 'excludeOutboundIPRanges', 'kubevirtInterfaces'),
    '": ',
    (random) => quoted(repeated(oneOf(number, '10.0.0.0/8', '*', word), 20, ',')(random)),
  ),
  inOrder('"inject.istio.io/templates": "', oneOf('sidecar', 'gateway', 'sidecar,gateway', '__proto__', 'none'), '"'),
);
const container = inOrder(
  '{"name": ',
  oneOf('"app"', '"istio-proxy"', '"x"'),
  ', "image": ',
  json(1),
  ', "ports": [',
  repeated(inOrder('{"containerPort": ', number, '}'), 4, ','),
  '], "env": ',
  json(3),
  ', "livenessProbe": ',
  json(4),
  '}',
);
const pod = inOrder(
  '{"metadata": {"name": "web", "labels": ',
  json(1),
  ', "annotations": {',
  repeated(annotation, 5, ','),
  '}}, "spec": {"containers": [',
  repeated(container, 4, ','),
  '], "volumes": ',
  json(2),
  '}}',
);

/** AdmissionReviews: the body, the pod in it, its injection, as the webhook does it. */
export const reviews: FuzzTarget = {
  name: 'reviews',
  generate: inOrder(
    '{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "namespace": "shop", "object": ',
    oneOf(pod, pod, pod, json(5)),
    '}}',
  ),
  words: [
    '"__proto__": {"a": 1},',
    '"constructor": {},',
    'null',
    '{}',
    '[]',
    '"hostNetwork": true,',
    '"istio-proxy"',
    '\\u0000',
    '1e999',
  ],
  read(input) {
    const review = parseReview(input.toString('utf8'));
    if (!review.ok) return review.error;
    const { pod: object, namespace } = review.value;
    return inject(object, { namespace, mesh, values: defaultValues, proxyConfigs: [], proxyEnv: {} });
  },
};
