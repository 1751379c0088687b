import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

const maxFile = 4 << 20;

/**
 * The text of a file, or undefined when the file does not exist. Rejects when it cannot be read, or is larger than the
 * agent ever needs.
 */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > maxFile) throw new Error(`${path} is larger than ${maxFile} characters`);
    return text;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Reads the downward API's `key="value"` lines, whose values are quoted as Go does. Other lines are ignored. */
export function parsePodInfo(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const equals = line.indexOf('=');
      const quoted = line.slice(equals + 1).trim();
      if (equals <= 0 || !/^".*"$/s.test(quoted)) return [];
      return [[line.slice(0, equals), unquote(quoted)]];
    }),
  );
}

const escapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g;
const unquote = (quoted: string): string =>
  quoted.slice(1, -1).replace(escape, (...[, ...groups]: (string | undefined)[]) => {
    const [x, u, long, char = ''] = groups;
    const code = x ?? u ?? long;
    return code === undefined ? (escapes[char] ?? char) : String.fromCodePoint(Math.min(Number(`0x${code}`), 0x10ffff));
  });

/** Addresses of this pod's interfaces, without loopback and link-local ones, in the order of the system. */
export function podInterfaces(): { readonly name: string; readonly address: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ internal, address }) => !internal && !address.startsWith('169.254.') && !/^fe[89ab]/i.test(address))
      .map(({ address }) => ({ name, address })),
  );
}

const resolveTimeoutMs = 15_000;

/** An address of a host, IPv4 if it has one; undefined when it has none, or DNS does not answer within 15 s. */
export async function resolveHost(host: string): Promise<string | undefined> {
  const timeout = new Promise<[]>((resolve) => setTimeout(resolve, resolveTimeoutMs, []).unref());
  const found = await Promise.race([lookup(host, { all: true }).catch(() => []), timeout]);
  return (found.find(({ family }) => family === 4) ?? found[0])?.address;
}
