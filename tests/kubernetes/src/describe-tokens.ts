import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemNamespace } from './mesh.ts';
import type { TestCluster } from './test-cluster.ts';
import { clustersFor, tampered } from './xds-client.ts';

/** xDS for a proxy that has no certificate, only the token of its pod, as Istio's own agent connects. */
export function describeTokens(cluster: () => TestCluster): void {
  describe('xDS for the token of a pod', () => {
    let forward: ChildProcess;
    let address: string;
    let root: Buffer;
    beforeAll(async () => {
      const { kubectl } = cluster();
      const configMap = [
        'get',
        'configmap',
        'istio-ca-root-cert',
        '-n',
        'shop',
        '-o',
        'jsonpath={.data.root-cert\\.pem}',
      ];
      root = Buffer.from(await kubectl(configMap));
      const service = ['port-forward', '-n', systemNamespace, 'service/pilot', ':15012'];
      forward = spawn('kubectl', service, {
        env: { ...process.env, KUBECONFIG: cluster().kubeconfig },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      address = await new Promise<string>((resolve, reject) => {
        forward.once('exit', () => reject(new Error('kubectl port-forward has ended')));
        if (!forward.stdout) return reject(new Error('kubectl port-forward has no output'));
        createInterface({ input: forward.stdout }).on('line', (line) => {
          const [, found] = /Forwarding from (127\.0\.0\.1:\d+)/.exec(line) ?? [];
          if (found) resolve(found);
        });
      });
    }, 60_000);
    afterAll(() => void forward?.kill());

    async function tokenFor(audience: string): Promise<string> {
      const { kubectl } = cluster();
      const pod = await kubectl([
        'get',
        'pods',
        '-n',
        'shop',
        '-l',
        'app=stock',
        '-o',
        'jsonpath={.items[0].metadata.name}',
      ]);
      const bound = ['--bound-object-kind=Pod', `--bound-object-name=${pod}`];
      return (await kubectl(['create', 'token', 'stock', '-n', 'shop', `--audience=${audience}`, ...bound])).trim();
    }
    const connect = (token: string, nodeNamespace = 'shop'): Promise<readonly string[]> =>
      clustersFor({ address, serverName: `pilot.${systemNamespace}.svc`, root, token, nodeNamespace });
    const refusal = (token: string, nodeNamespace?: string): Promise<string | undefined> =>
      connect(token, nodeNamespace).then(
        () => 'accepted',
        ({ code }: ServiceError) => status[code],
      );

    it("comes for a pod's own token", async () => {
      expect(await connect(await tokenFor('istio-ca'))).toContain('outbound|8080||stock.shop.svc.cluster.local');
    });

    it('does not come for a wrong one', async () => {
      const token = await tokenFor('istio-ca');
      expect([
        await refusal(token, 'elsewhere'),
        await refusal(await tokenFor('api')),
        await refusal(tampered(token)),
      ]).toEqual(['PERMISSION_DENIED', 'UNAUTHENTICATED', 'UNAUTHENTICATED']);
    });
  });
}
