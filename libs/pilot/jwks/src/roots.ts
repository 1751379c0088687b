import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { messageOf } from '@flotilla/std';

/** Where Linux distributions keep the roots that they trust (Go's crypto/x509, root_linux.go). */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const maxBytes = 8 << 20;

export interface RootsOptions {
  /** A file instead of the system's roots. */
  readonly rootsFile: string | undefined;
  /** A file with roots that are trusted as well; it may be missing. */
  readonly extraRootsFile: string;
  readonly onProblem: (message: string) => void;
}

/**
 * What TLS trusts: the system's roots (Node's own where there are none), and the extra ones. Files are read again when
 * they have changed; an extra file that can't be used is reported, and only the other roots are trusted.
 */
export function createRoots({ rootsFile, extraRootsFile, onProblem }: RootsOptions): () => Promise<SecureContext> {
  let current: { readonly version: string; readonly context: SecureContext } | undefined;
  return async () => {
    const bundles = rootsFile === undefined ? systemBundles : [rootsFile];
    const system = (await Promise.all(bundles.map(versionOf))).find((version) => version !== undefined);
    const extra = await versionOf(extraRootsFile);
    const version = `${system?.version}\n${extra?.version}`;
    if (current?.version === version) return current.context;
    if (rootsFile !== undefined && !system) onProblem(`${rootsFile} cannot be read: only other roots are trusted`);
    const standard = system ? [await readFile(system.path, 'utf8')] : rootsFile === undefined ? rootCertificates : [];
    const context = await contextOf(standard, extra?.path, onProblem);
    current = { version, context };
    return context;
  };
}

/** Falls back to the standard roots alone when the extra ones can't be used. */
async function contextOf(
  standard: readonly string[],
  extra: string | undefined,
  onProblem: RootsOptions['onProblem'],
): Promise<SecureContext> {
  const build = (...more: string[]): SecureContext =>
    createSecureContext({ ca: [...standard, ...more], minVersion: 'TLSv1.2' });
  try {
    return build(...(extra === undefined ? [] : [await readFile(extra, 'utf8')]));
  } catch (error) {
    onProblem(`${extra} cannot be used, so that only other roots are trusted: ${messageOf(error)}`);
    return build();
  }
}

async function versionOf(path: string): Promise<{ readonly path: string; readonly version: string } | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return size <= maxBytes ? { path, version: `${path} ${mtimeMs} ${size} ${ino}` } : undefined;
  } catch {
    return undefined;
  }
}
