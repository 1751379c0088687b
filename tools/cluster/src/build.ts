import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, run } from './programs.ts';
import { cacheFolder, coreDnsVersion, debianPackages, kubernetesVersion } from './settings.ts';

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubelet'] as const;
export type Component = (typeof components)[number];

/** Which programs are needed: of a whole cluster, or of etcd and kube-apiserver alone. */
export type Extent = 'api' | 'cluster';

/** The path of a component of Kubernetes, of CoreDNS or of the pause container, as `build` makes it. */
export const builtProgram = (name: Component | 'coredns' | 'pause'): string =>
  join(cacheFolder(), `${kubernetesVersion}-${coreDnsVersion}`, name);

/**
 * Installs Debian's parts and builds Kubernetes, CoreDNS and the pause container from their Go modules, once for a
 * machine. `report` is told of each step that takes longer. Throws with what is missing and how to get it.
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

/** A folder with etcd and kube-apiserver, as tools of controller developers install it; undefined without one. */
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

/** Builds beside the place and moves: a build that is ended leaves nothing that looks whole. */
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
