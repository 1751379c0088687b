import { credentialIn, type Credential, type Problem } from '@flotilla/model';
import { err, ok, type Result } from '@flotilla/std';

/** A Secret that holds a credential, under `namespace/name`. */
export interface SecretCredential { readonly key: string; readonly credential: Credential }

/** The API server takes no larger Secret (Kubernetes, "Secrets"). */
const maxBytes = 1024 * 1024;
type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);
const problem = (key: string, message: string): Problem => ({ code: 'invalid-secret', level: 'error', resource: `secrets ${key}`, message });

/**
 * The credential of a manifest. Undefined for what is no Secret, and for Secrets of other uses. What is wrong is told without anything that is in it.
 */
export function readSecret(value: unknown): Result<SecretCredential, Problem> | undefined {
  if (!isPlain(value) || value['kind'] !== 'Secret' || value['apiVersion'] !== 'v1' || !isPlain(value['metadata'])) return undefined;
  const { name, namespace = 'default' } = value['metadata'];
  if (typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  const key = `${namespace}/${name}`;
  const data = decode(value);
  if (!data.ok) return err(problem(key, data.error));
  if (Object.values(data.value).reduce((sum, bytes) => sum + bytes.length, 0) > maxBytes) return err(problem(key, `holds more than ${maxBytes} bytes`));
  const credential = credentialIn(data.value);
  return credential && ok({ key, credential });
}

const base64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** `data` is base64, `stringData` text that wins over it. */
function decode({ data = {}, stringData = {} }: Plain): Result<Record<string, Uint8Array>> {
  if (!isPlain(data) || !isPlain(stringData)) return err('expected objects as data and stringData');
  const found: Record<string, Uint8Array> = {};
  for (const [name, text] of Object.entries(data)) {
    if (text === null) continue;
    if (typeof text !== 'string' || !base64.test(text)) return err(`data[${JSON.stringify(name)}] is not base64`);
    found[name] = Buffer.from(text, 'base64');
  }
  for (const [name, text] of Object.entries(stringData)) {
    if (typeof text !== 'string') return err(`stringData[${JSON.stringify(name)}] is no text`);
    found[name] = Buffer.from(text);
  }
  return ok(found);
}
