import { describe, expect, it } from 'vitest';
import { decodeBatch, encodeBatch } from '@flotilla/bus-port';
import { FilePipeline } from '@flotilla/galley-pipeline';
import { parseDocuments } from '@flotilla/galley-file-source';
import { inject } from '@flotilla/injector-inject';
import { parseReview } from '@flotilla/injector-server';
import { defaultValues } from '@flotilla/injector-template';
import { keyOf, type MeshConfig, type Problem } from '@flotilla/model';
import { createWorldStore, parseProxy, proxySubject, worldChanges } from '@flotilla/pilot-world';
import { isWhole, readAll, readOne, resourceKey, typeUrls, type XdsKind } from '@flotilla/pilot-xds';
import { toJson } from '@flotilla/proto-gen/json';
import { Engine } from '@flotilla/query';

const host = 'web.shop.svc.cluster.local';
const istio = (kind: string, spec: string): string =>
  `apiVersion: networking.istio.io/v1beta1\nkind: ${kind}\nmetadata: {name: web, namespace: shop, labels: {KEY: KEY}, annotations: {KEY: KEY}}\nspec: ${spec}\n`;
/** A mesh in which everything that a user may name is called KEY. */
const mesh = [
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:
  mesh: |
    defaultConfig: {proxyMetadata: {KEY: KEY}}
    accessLogFile: /dev/stdout
    accessLogEncoding: JSON
    accessLogFormat: '{"KEY": "%REQ(KEY)%"}'
  meshNetworks: |
    networks: {KEY: {endpoints: [{fromCidr: 10.0.0.0/30}], gateways: [{address: 1.2.3.4, port: 443}]}}`,
  'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {KEY: KEY}}',
  `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop, labels: {KEY: KEY}, annotations: {KEY: KEY}}
spec: {clusterIP: 10.8.0.1, selector: {KEY: KEY}, ports: [{name: KEY, port: 80, targetPort: KEY, appProtocol: KEY}, {name: http-KEY, port: 81, targetPort: 8081}]}`,
  `apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, labels: {KEY: KEY, app: web}}
spec: {containers: [{ports: [{name: KEY, containerPort: 8080}]}]}\nstatus: {podIP: 10.0.0.1, phase: Running}`,
  `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web, KEY: KEY}}
addressType: IPv4\nports: [{name: KEY, port: 8080}, {name: http-KEY, port: 8081}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-1, namespace: shop}}]`,
  istio(
    'ServiceEntry',
    '{hosts: [entry.test], resolution: STATIC, ports: [{number: 80, name: KEY, protocol: HTTP}], endpoints: [{address: 10.0.1.1, labels: {KEY: KEY}, ports: {KEY: 8080}, network: KEY}]}',
  ),
  istio(
    'VirtualService',
    `{hosts: [${host}], http: [{name: KEY, match: [{headers: {KEY: {exact: KEY}}, queryParams: {KEY: {exact: KEY}}, sourceLabels: {KEY: KEY}}],
  headers: {request: {set: {KEY: KEY}, add: {KEY: KEY}, remove: [KEY]}}, route: [{destination: {host: ${host}, subset: KEY, port: {number: 80}}}]}, {route: [{destination: {host: ${host}, port: {number: 81}}}]}]}`,
  ),
  istio(
    'DestinationRule',
    `{host: ${host}, subsets: [{name: KEY, labels: {KEY: KEY}}], trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1},
  loadBalancer: {localityLbSetting: {failoverPriority: [KEY]}, consistentHash: {httpHeaderName: KEY}}}}`,
  ),
  istio(
    'Sidecar',
    '{workloadSelector: {labels: {KEY: KEY}}, egress: [{hosts: ["./*"]}], ingress: [{port: {number: 9000, protocol: HTTP, name: KEY}, defaultEndpoint: "127.0.0.1:9000"}]}',
  ),
  'apiVersion: telemetry.istio.io/v1alpha1\nkind: Telemetry\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {KEY: KEY}}, metrics: [{providers: [{name: prometheus}], overrides: [{match: {customMetric: KEY}, tagOverrides: {KEY: {value: "x"}}}]}]}',
  'apiVersion: security.istio.io/v1beta1\nkind: AuthorizationPolicy\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {KEY: KEY}}, rules: [{when: [{key: "request.headers[KEY]", values: [KEY]}]}]}',
].join('\n---\n');
const kinds: readonly XdsKind[] = ['cds', 'lds', 'nds'].filter((kind): kind is XdsKind => kind in typeUrls);

/** Lists and objects in an order that names have no part in. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, sorted(item)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
};

/** All that comes of the mesh and of a pod when KEY is a certain name; that name is written `KEY` again. */
function outcome(key: string): unknown {
  const named = (text: string): string => text.replaceAll('KEY', key);
  const parsed = parseDocuments(new TextEncoder().encode(named(mesh)));
  if (!('documents' in parsed)) throw new Error(parsed.problem.message);
  const pipeline = new FilePipeline('session');
  const batch = decodeBatch(encodeBatch(pipeline.apply([{ path: 'mesh.yaml', documents: parsed.documents }])));
  const engine = new Engine(createWorldStore());
  engine.apply(batch.put.flatMap(({ resource }) => worldChanges(resource.collection, keyOf(resource.meta), resource)));
  const labels = JSON.parse(named('{"KEY": "KEY", "app": "web"}')) as Record<string, string>;
  const node = parseProxy({
    id: 'sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local',
    metadata: {
      NAMESPACE: 'shop',
      CLUSTER_ID: 'Kubernetes',
      LABELS: labels,
      INSTANCE_IPS: '10.0.0.1',
      NETWORK: key,
      DNS_CAPTURE: 'true',
    },
  });
  if (!node.ok) throw new Error(node.error);
  const proxy = proxySubject(engine, node.value);
  const all = kinds.flatMap((kind) =>
    (isWhole(kind) ? readAll(engine, kind, proxy) : []).map(
      (resource) => [kind, resource.name, toJson(typeUrls[kind], resource.bytes)] as const,
    ),
  );
  const asked = [
    ...all.filter(([kind]) => kind === 'cds').map(([, name]) => ['eds', name] as const),
    ['rds', '80'],
    ['rds', '81'],
  ] as const;
  const members = asked.flatMap(([kind, name]) => {
    const resource = readOne(engine, resourceKey({ kind, name }), proxy);
    return resource ? [[kind, name, toJson(typeUrls[kind], resource.bytes)]] : [];
  });
  const config = batch.put.find(({ resource }) => resource.collection === 'mesh-config')?.resource.spec as MeshConfig;
  const review = parseReview(
    named(`{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "KEY": 1, "request": {"uid": "u", "KEY": {}, "object": {"KEY": {"KEY": 1},
    "metadata": {"name": "web", "KEY": {"KEY": 1}, "labels": {"KEY": "KEY", "app": "web"}, "annotations": {"KEY": "KEY", "sidecar.istio.io/userVolume": "{\\"KEY\\": {\\"emptyDir\\": {}}}",
    "proxy.istio.io/config": "proxyMetadata: {KEY: KEY}"}},
    "spec": {"KEY": {"containers": []}, "containers": [{"name": "KEY", "image": "x", "KEY": {"KEY": 1}, "ports": [{"name": "KEY", "containerPort": 8080}]}, {"name": "istio-proxy", "image": "auto", "KEY": {"KEY": 1}}]}}}}`),
  );
  if (!review.ok) throw new Error(review.error.message);
  const injected = inject(review.value.pod, {
    namespace: 'shop',
    mesh: config,
    values: defaultValues,
    proxyConfigs: [],
    proxyEnv: {},
  });
  const text = JSON.stringify({
    problems: pipeline.problems,
    resources: [...pipeline.resources],
    all,
    members,
    injected,
  });
  return sorted(JSON.parse(text.replaceAll(key, 'KEY').replaceAll(key.toLowerCase(), 'KEY')));
}

/** A name of the same form that no object has of its own accord. */
const ordinary = (key: string): string => key.replace(/[a-z]/g, 'x').replace(/[A-Z]/g, 'X');

describe('keys that every object has', () => {
  it('are looked at in a mesh that says something', () => {
    const plain = outcome('ordinary') as { readonly problems: readonly Problem[]; readonly injected: unknown };
    // Nothing is refused; the policies select nothing, of which there are warnings.
    expect(plain.problems.filter(({ level }) => level === 'error')).toEqual([]);
    expect(plain.injected).toMatchObject({ ok: true });
    expect(JSON.stringify(plain).split('KEY').length).toBeGreaterThan(100);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    '%s is a name like any other to galley, pilot and injector',
    (key) => {
      expect(outcome(key)).toEqual(outcome(ordinary(key)));
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );
});
