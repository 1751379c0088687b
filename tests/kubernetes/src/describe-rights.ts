import { beforeAll, describe, expect, it } from 'vitest';
import { systemNamespace } from './mesh.ts';
import type { TestCluster } from './test-cluster.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
const readVerbs = ['get', 'list', 'watch', '*'];
const writeVerbs = ['create', 'update', 'patch', 'delete', 'deletecollection', '*'];

/** What ServiceAccounts may do, as the API server answers each of them (SelfSubjectRulesReview). */
export function describeRights(cluster: () => TestCluster): void {
  describe('the rights of ServiceAccounts', () => {
    let everybody: readonly Rule[];
    beforeAll(async () => {
      everybody = await rulesOf('nobody', 'default');
    }, 60_000);

    async function rulesOf(account: string, namespace = systemNamespace): Promise<readonly Rule[]> {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectRulesReview',
        spec: { namespace },
      };
      const answer = await cluster().kubectl(
        ['create', '-o', 'json', '--validate=false', '-f', '-', `--as=system:serviceaccount:${namespace}:${account}`],
        { input: JSON.stringify(review) },
      );
      const { status } = JSON.parse(answer) as { status: { resourceRules: readonly Rule[]; incomplete: boolean } };
      expect(status.incomplete).toBe(false);
      return status.resourceRules;
    }
    /** The resources that rules allow one of the verbs for, beyond what everybody may. */
    const allowed = (rules: readonly Rule[], verbs: readonly string[]): readonly string[] => {
      const common = new Set(everybody.map((rule) => JSON.stringify(rule)));
      return [
        ...new Set(
          rules
            .filter((rule) => !common.has(JSON.stringify(rule)) && rule.verbs.some((verb) => verbs.includes(verb)))
            .flatMap(({ resources }) => resources),
        ),
      ].sort();
    };

    it.each(['pilot', 'nats'])('%s may do nothing that not every account may', async (account) => {
      expect(await rulesOf(account)).toEqual(everybody);
    });

    it('nobody but citadel reads Secrets, and the gateway may list those of its namespace', async () => {
      const accounts = await cluster().kubectl(['get', 'serviceaccounts', '-n', systemNamespace, '-o', 'name']);
      const names = accounts
        .trim()
        .split('\n')
        .map((name) => name.replace('serviceaccount/', ''));
      const readers: string[] = [];
      for (const name of names)
        if (allowed(await rulesOf(name), readVerbs).some((resource) => ['secrets', '*'].includes(resource)))
          readers.push(name);
      expect(readers).toEqual(['citadel', 'istio-ingressgateway']);
      const elsewhere = ['auth', 'can-i', 'list', 'secrets', '-n', 'shop'];
      await expect(
        cluster().kubectl([...elsewhere, `--as=system:serviceaccount:${systemNamespace}:istio-ingressgateway`]),
      ).rejects.toThrow();
    });

    it('galley writes nothing but its Lease', async () => {
      expect(allowed(await rulesOf('galley'), writeVerbs)).toEqual(['leases']);
    });

    it('sidecar-injector writes nothing but its webhook and its Lease', async () => {
      expect(allowed(await rulesOf('sidecar-injector'), writeVerbs)).toEqual([
        'leases',
        'mutatingwebhookconfigurations',
      ]);
    });

    it('citadel writes nothing but reviews, its root and the root certificate', async () => {
      expect(allowed(await rulesOf('citadel'), writeVerbs)).toEqual([
        'configmaps',
        'secrets',
        'subjectaccessreviews',
        'tokenreviews',
      ]);
    });
  });
}
