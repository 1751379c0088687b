import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, run } from './programs.ts';
import { cacheFolder, coreDnsVersion, debianPackages, kubernetesVersion } from './settings.ts';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubelet'] as const;
export type Component = (typeof components)[number];

/** What is needed: a whole cluster, or etcd and kube-apiserver alone. */
export type Extent = 'api' | 'cluster';

/** Where `build` puts a component of Kubernetes, CoreDNS or the pause container. */
export const builtProgram = (name: Component | 'coredns' | 'pause'): string =>
  join(cacheFolder(), `${kubernetesVersion}-${coreDnsVersion}`, name);

/**
 * Installs Debian packages and builds Kubernetes, CoreDNS and the pause container from their Go modules, once per
 * machine. `report` gets a line before each slow step. Throws with what is missing and how to get it.
 */
export function build(extent: Extent, report: (line: string) => void): void {
  installDebianParts(extent, report);
  if (extent === 'api' && kubebuilderAssets()) return;
  buildWithGo({
    name: 'kube-apiserver',
    title: 'Kubernetes',
    report,
    make: (file) => run(['go', 'build', '-ldflags', versionFlags, '-o', file, '.'], goOptions('hyperkube')),
  });
  for (const component of components.slice(1))
    if (!existsSync(builtProgram(component))) symlinkSync('kube-apiserver', builtProgram(component));
  if (extent === 'api') return;
  buildWithGo({
    name: 'pause',
    title: 'the pause container',
    report,
    make: (file) => run(['go', 'build', '-ldflags', '-s -w', '-o', file, '.'], goOptions('pause')),
  });
  buildWithGo({ name: 'coredns', title: 'CoreDNS', report, make: installCoreDns });
}

const versionPackage = 'k8s.io/component-base/version';
const versionFlags = [
  '-s -w',
  `-X ${versionPackage}.gitVersion=v${kubernetesVersion}`,
  ...kubernetesVersion
    .split('.')
    .slice(0, 2)
    .map((number, index) => `-X ${versionPackage}.${index === 0 ? 'gitMajor' : 'gitMinor'}=${number}`),
].join(' ');

function installCoreDns(file: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'coredns-'));
  try {
    const module = `github.com/coredns/coredns@v${coreDnsVersion}`;
    run(['go', 'install', '-ldflags', '-s -w', module], {
      env: { ...process.env, CGO_ENABLED: '0', GOBIN: folder },
    });
    run(['cp', join(folder, 'coredns'), file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The folder with etcd and kube-apiserver that controller developers name in KUBEBUILDER_ASSETS; undefined when it is
 * not set. Throws when one of the programs is missing there.
 */
export function kubebuilderAssets(): string | undefined {
  const folder = process.env['KUBEBUILDER_ASSETS'];
  if (folder === undefined) return undefined;
  for (const program of ['etcd', 'kube-apiserver'])
    if (!existsSync(join(folder, program)))
      throw new Error(`KUBEBUILDER_ASSETS=${folder} has no ${program}: correct it or unset it`);
  return folder;
}

const goOptions = (folder: string) => ({
  cwd: join(import.meta.dirname, '..', folder),
  env: { ...process.env, CGO_ENABLED: '0' },
});

function installDebianParts(extent: Extent, report: (line: string) => void): void {
  const needed =
    extent === 'cluster' ? Object.keys(debianPackages) : kubebuilderAssets() ? ['openssl'] : ['openssl', 'etcd'];
  const missing = [...new Set(needed.filter((name) => !findProgram(name)).map((name) => debianPackages[name] ?? name))];
  if (missing.length === 0) return;
  const names = missing.join(' ');
  if (process.getuid?.() !== 0 || !findProgram('apt-get'))
    throw new Error(`missing: ${names}; install them (Debian, Ubuntu: sudo apt-get install ${names})`);
  report(`installing ${names} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run(['apt-get', 'update', '-qq'], { env });
  run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
}

interface GoBuild {
  readonly name: Parameters<typeof builtProgram>[0];
  readonly title: string;
  readonly report: (line: string) => void;
  readonly make: (file: string) => void;
}

/**
 * Builds under another name and renames the result, so that an interrupted build leaves nothing that looks
 * complete.
 */
function buildWithGo({ name, title, report, make }: GoBuild): void {
  const file = builtProgram(name);
  if (existsSync(file)) return;
  if (!findProgram('go')) throw new Error('Go is missing: install Go 1.24 or later (https://go.dev/dl)');
  report(`building ${title} from its Go modules, once; a few minutes`);
  mkdirSync(join(file, '..'), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  make(unfinished);
  renameSync(unfinished, file);
}
