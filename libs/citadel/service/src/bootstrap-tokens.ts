import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The services that need a certificate before anything else can vouch for them. */
const services = ['galley', 'nats', 'pilot', 'sidecar-injector'];

/** Makes a file of random bootstrap tokens, mode 0600, unless there is one: whoever may read it becomes part of the control plane. */
export async function ensureBootstrapTokens(path: string): Promise<'made' | 'kept'> {
  const tokens = Object.fromEntries(services.map((service) => [service, randomBytes(32).toString('base64url')]));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, `${JSON.stringify(tokens, null, 1)}\n`, { mode: 0o600, flag: 'wx' });
    return 'made';
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    return 'kept';
  }
}
