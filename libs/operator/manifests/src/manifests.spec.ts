import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { buildFolders, kustomization } from './files.ts';
import { defaultManifestOptions as options, type Manifest } from './service-spec.ts';
import { portTable, rightTable } from './tables.ts';

const deploy = join(import.meta.dirname, '../../../../deploy');
const docs = join(deploy, '../docs');
const note = '# Generated from libs/operator/manifests; `npm test -- libs/operator/manifests -u` writes it again.\n';
const crds = readdirSync(join(deploy, 'crds')).filter((name) => name.includes('.istio.io.'));
const folders = Object.entries({ ...buildFolders(options), crds: kustomization(crds) });
const files = folders.flatMap(([folder, all]) =>
  Object.entries(all).map(([file, objects]) => [`${folder}/${file}`, objects] as const),
);
const manifests = files.flatMap(([, objects]) => objects) as readonly Manifest[];
const ofKind = (kind: string): readonly Manifest[] => manifests.filter((manifest) => manifest.kind === kind);

describe('the manifests in deploy', () => {
  it.each(files)('%s is what the library generates', async (path, objects) => {
    const text = objects
      .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
      .join('---\n');
    await expect(note + text).toMatchFileSnapshot(join(deploy, path));
  });

  it('contain no file that the library does not generate', () => {
    for (const [folder, all] of folders.filter(([folder]) => folder !== 'crds'))
      expect(readdirSync(join(deploy, folder)).sort()).toEqual(Object.keys(all).sort());
  });

  it('open the ports that the documentation names, and give the rights that it names', () => {
    const document = readFileSync(join(docs, 'install.md'), 'utf8');
    expect(document).toContain(portTable(options));
    expect(document).toContain(rightTable(options));
  });
});

describe('every workload', () => {
  const pods = [...ofKind('Deployment'), ...ofKind('StatefulSet')].map((workload) => {
    const { template } = workload['spec'] as { template: { metadata: { labels: object }; spec: object } };
    return [workload.metadata.name, template] as const;
  });

  it.each(pods)('%s complies with the security level "restricted"', (_name, { spec }) => {
    expect(spec).toMatchObject({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  it.each(pods)('%s has a ServiceAccount, a Service, a budget and a policy of its name', (name) => {
    for (const kind of ['ServiceAccount', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'])
      expect(ofKind(kind).map(({ metadata }) => metadata.name)).toContain(name);
  });

  it.each(pods)('%s starts without the injector', (_name, pod) => {
    expect(pod.metadata.labels).toMatchObject({ 'sidecar.istio.io/inject': 'false' });
  });

  it.each(pods.filter(([name]) => ['pilot', 'nats', 'istio-ingressgateway'].includes(name)))(
    '%s has no token for the API server',
    (_name, { spec }) => expect(spec).toMatchObject({ automountServiceAccountToken: false }),
  );
});

describe('rights', () => {
  it('to read Secrets belong to citadel alone, except for the gateway in its own namespace', () => {
    const readers = [...ofKind('Role'), ...ofKind('ClusterRole')].filter((role) =>
      (role['rules'] as readonly { resources: readonly string[]; verbs: readonly string[] }[]).some(
        ({ resources, verbs }) => resources.includes('secrets') && verbs.some((verb) => verb !== 'create'),
      ),
    );
    expect([...new Set(readers.map(({ kind, metadata }) => `${kind} ${metadata.name}`))].sort()).toEqual([
      'ClusterRole citadel-istio-system',
      'ClusterRole istiod-istio-system',
      'Role citadel',
      'Role istio-ingressgateway-sds',
      'Role istiod',
    ]);
  });
});
