import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressFamily, buildBootstrap, buildNode, type Environment } from '@flotilla/agent-bootstrap';
import { MeshProxyConfig, parseValue } from '@flotilla/model';
import { firstDifference, type Answer } from '../compare.ts';

/** A case of Istio's own test of its bootstrap package. */
interface Upstream {
  readonly proxyConfig: object;
  readonly proxyConfigSetByTest: Readonly<Record<string, unknown>>;
  readonly nodeId: string;
  readonly instanceIPs: readonly string[];
  readonly env: Environment;
  readonly stsPort: number;
  readonly podAnnotationsFile: Readonly<Record<string, string>>;
  readonly platformMetadata: Readonly<Record<string, string>>;
  readonly pilotSubjectAltName: readonly string[];
  readonly outlierLogPath: string;
  readonly istioVersion: string;
}

/** Builds the bootstrap from what Istio's test gives its package, and compares it with the golden file. */
export function compareUpstream(path: string): Answer {
  const json = (name: string): unknown => JSON.parse(readFileSync(join(path, name), 'utf8'));
  const test = json('case.json') as Upstream;
  const { statusPortIfZero, ...set } = test.proxyConfigSetByTest;
  const shared = {
    proxyConfig: parseValue(MeshProxyConfig, { statusPort: statusPortIfZero, ...test.proxyConfig, ...set })
      .value as MeshProxyConfig,
    instanceIps: [...new Set(test.instanceIPs)],
    family: addressFamily(test.instanceIPs, test.env['ISTIO_DUAL_STACK'] === 'true'),
    envoyStatusPort: 15021,
    envoyPrometheusPort: 15090,
    outlierLogPath: test.outlierLogPath,
    stsPort: test.stsPort,
  };
  const node = buildNode({
    ...shared,
    id: test.nodeId,
    env: test.env,
    istioVersion: test.istioVersion,
    pilotSans: test.pilotSubjectAltName,
    podAnnotations: test.podAnnotationsFile,
    platform: { metadata: test.platformMetadata, locality: {} },
  });
  if (!node.ok) throw new Error(node.error);
  const built = buildBootstrap({
    ...shared,
    node: node.value,
    deltaXds: false,
    waypoint: false,
    exitOnZeroActiveConnections: false,
    istioExtensions: true,
    xdsSocket: '/tmp/XDS',
    sdsSocket: './var/run/secrets/workload-spiffe-uds/socket',
    loadStatsConfig: test.env['ISTIO_META_LOAD_STATS_CONFIG_JSON'] ?? '',
  });
  if (!built.ok) throw new Error(built.error);
  // Istio's test writes to folders of its own and puts this path in their place.
  const text = JSON.stringify(built.value.bootstrap).replaceAll(
    /"\/tmp\/bootstrap\/[a-z_]+\/lightstep/g,
    '"/test-path/lightstep',
  );
  return {
    difference: firstDifference(json('golden.json'), JSON.parse(text)),
    files: { 'bootstrap.json': built.value.bootstrap },
  };
}
