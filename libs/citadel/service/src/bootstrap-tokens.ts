import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The services that need a certificate before anything else can vouch for them. */
const services = ['galley', 'nats', 'pilot', 'sidecar-injector'];

/** Makes a file of random bootstrap tokens, mode 0600, unless there is one: whoever may read it becomes part of the control plane. */
export async function ensureBootstrapTokens(path: string): Promise<'made' | 'kept'> {
  if (existsSync(path)) return 'kept';
  const tokens = Object.fromEntries(services.map((service) => [service, randomBytes(32).toString('base64url')]));
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.new`;
  await writeFile(draft, `${JSON.stringify(tokens, null, 1)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  // Whole or not at all, and never over another's: who starts at the same time reads the same tokens.
  try {
    await link(draft, path);
    return 'made';
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    return 'kept';
  } finally {
    await rm(draft, { force: true });
  }
}
