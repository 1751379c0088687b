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
    const standard = system ? await usable(system.path, onProblem) : rootsFile === undefined ? rootCertificates : [];
    const more = extra ? await usable(extra.path, onProblem) : [];
    const context = createSecureContext({ ca: [...standard, ...more], minVersion: 'TLSv1.2' });
    current = { version, context };
    return context;
  };
}

/** The roots in a file; none when it can't be used, which is reported: TLS takes a text without a certificate. */
async function usable(path: string, onProblem: RootsOptions['onProblem']): Promise<readonly string[]> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    const text = await readFile(path, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no PEM certificate');
    createSecureContext({ ca: text });
    return [text];
  } catch (error) {
    onProblem(`${path} cannot be used, so that only other roots are trusted: ${messageOf(error)}`);
    return [];
  }
}

async function versionOf(path: string): Promise<{ readonly path: string; readonly version: string } | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return { path, version: `${path} ${mtimeMs} ${size} ${ino}` };
  } catch {
    return undefined;
  }
}
