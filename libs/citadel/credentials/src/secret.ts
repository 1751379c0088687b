import { buildProblem, credentialIn, type Credential, type Problem } from '@flotilla/model';
import { err, ok, type Result, isRecord } from '@flotilla/std';
import { credentialMistake, missingParts } from './check-credential.ts';

/** The API server takes no larger Secret (Kubernetes, "Secrets"). */
const maxBytes = 1024 * 1024;
/**
 * Large Secrets of Kubernetes' and Helm's own; the first kind has a `ca.crt` that no gateway is meant to trust. Istio
 * watches neither.
 */
const otherUses: readonly unknown[] = ['kubernetes.io/service-account-token', 'helm.sh/release.v1'];
/** A manifest of kind Secret that has a name. */
export interface SecretObject {
  readonly name: string;
  readonly namespace: string;
  readonly type: unknown;
  readonly data: unknown;
  readonly stringData: unknown;
}

/** The Secrets of a document, which may be a list. */
export function secretsIn(value: unknown): readonly SecretObject[] {
  if (!isRecord(value)) return [];
  if (value['kind'] === 'List' && Array.isArray(value['items']))
    return value['items'].filter((item) => !isRecord(item) || item['kind'] !== 'List').flatMap(secretsIn);
  if (value['kind'] !== 'Secret' || value['apiVersion'] !== 'v1' || !isRecord(value['metadata'])) return [];
  const { name, namespace = 'default' } = value['metadata'];
  return typeof name === 'string' && typeof namespace === 'string'
    ? [{ name, namespace, type: value['type'], data: value['data'], stringData: value['stringData'] }]
    : [];
}

/**
 * The credential of a Secret, under `namespace/name`; none for Secrets of other uses. A problem quotes nothing
 * that is in the Secret.
 */
export function readSecret(secret: SecretObject): {
  readonly key: string;
  readonly read?: Result<Credential, Problem>;
} {
  const { name, namespace, type } = secret;
  const key = `${namespace}/${name}`;
  if (otherUses.includes(type)) return { key };
  const wrong = (reason: string) => ({
    key,
    read: err<Problem>({ ...buildProblem('InvalidSecret', { reason }), resource: `secrets ${key}` }),
  });
  const data = decode(secret);
  if (!data.ok) return wrong(data.error);
  if (Object.values(data.value).reduce((sum, bytes) => sum + bytes.length, 0) > maxBytes)
    return wrong(`holds more than ${maxBytes} bytes`);
  const missing = missingParts(data.value, secret);
  if (missing !== undefined) return wrong(missing);
  const credential = credentialIn(data.value, name);
  const mistake = credential && credentialMistake(credential);
  if (mistake !== undefined) return wrong(mistake);
  return { key, ...(credential ? { read: ok(credential) } : {}) };
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** `data` is base64, `stringData` text that wins over it. */
function decode({ data, stringData }: SecretObject): Result<Record<string, Uint8Array>> {
  const [encoded, plain] = [data ?? {}, stringData ?? {}];
  if (!isRecord(encoded) || !isRecord(plain)) return err('expected objects as data and stringData');
  const found: Record<string, Uint8Array> = {};
  for (const [name, text] of Object.entries(encoded)) {
    if (text === null) continue;
    if (typeof text !== 'string' || !base64.test(text.replace(/\s/g, '')))
      return err(`data[${JSON.stringify(name)}] is not base64`);
    found[name] = Buffer.from(text, 'base64');
  }
  for (const [name, text] of Object.entries(plain)) {
    if (typeof text !== 'string') return err(`stringData[${JSON.stringify(name)}] is not a string`);
    found[name] = Buffer.from(text);
  }
  return ok(found);
}
