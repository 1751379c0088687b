import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, inject, type PatchOperation } from '@flotilla/injector-inject';
import { parsePathEnv, parseReview } from '@flotilla/injector-server';
import { parseValues } from '@flotilla/injector-template';
import { keyOf, parseMeshConfig, parseResource, type Resource, type ObjectKey } from '@flotilla/model';
import { corpusPath } from '@flotilla/testing';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

// Real Istio 1.19's webhook is the ruler: its requests, and the pods that came out.
const corpus = corpusPath('injection', 'webhook');
const here = existsSync(corpus);
const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
/** Servers with templates of their own need the template engine; what they leave alone they leave alone without. */
const servers = ['default', 'cni', 'native-sidecars', 'proxyconfig', 'revision-canary'];
const needsNoTemplate = ({ server, patched }: { server: string; patched?: boolean }): boolean =>
  servers.includes(server) || (server === 'policy-disabled' && patched === false);
interface Server {
  readonly values: string;
  readonly mesh: string;
  readonly env: Record<string, string>;
  readonly configDir: string;
}

function load(name: string) {
  const dir = join(corpus, 'servers', name);
  const server = json(join(dir, 'server.json')) as Server;
  const values = parseValues(json(join(dir, server.values)));
  const mesh = parseMeshConfig(parse(readFileSync(join(dir, server.mesh), 'utf8')));
  if (!values.ok || !mesh.ok || mesh.value.collection !== 'mesh-config')
    throw new Error(`server ${name} has no usable configuration`);
  const found = new Map<ObjectKey, Resource<'proxy-configs'>>();
  const folder = join(dir, server.configDir);
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    for (const document of parseAllDocuments(readFileSync(join(folder, file), 'utf8'))) {
      const parsed = parseResource(document.toJS());
      if (parsed.ok && parsed.value.resource.collection === 'proxy-configs')
        found.set(keyOf(parsed.value.resource.meta), parsed.value.resource);
    }
  }
  return {
    values: values.value,
    mesh: mesh.value.spec,
    revision: server.env['REVISION'] ?? '',
    nativeSidecars: server.env['ENABLE_NATIVE_SIDECARS'] === 'true',
    proxyConfigs: [...found.values()],
  };
}

const cases = here
  ? readdirSync(join(corpus, 'cases'))
      .map((name) => ({
        name,
        ...(json(join(corpus, 'cases', name, 'case.json')) as {
          server: string;
          path: string;
          allowed?: boolean;
          patched?: boolean;
        }),
      }))
      .filter(({ name, ...one }) => needsNoTemplate(one) && existsSync(join(corpus, 'cases', name, 'request.json')))
  : [];

describe.skipIf(!here)('injection as Istio does it', () => {
  it.each(cases)('$name', ({ name, server, path, allowed }) => {
    const dir = join(corpus, 'cases', name);
    const review = parseReview(readFileSync(join(dir, 'request.json'), 'utf8'));
    if (!review.ok) return expect(allowed).toBe(false);
    const { mesh, ...rest } = load(server);
    const result = inject(review.value.pod, {
      ...rest,
      mesh,
      namespace: review.value.namespace,
      proxyEnv: parsePathEnv(path),
    });
    if (allowed === false) return expect(result.ok).toBe(false);
    if (!result.ok) throw new Error(result.error);
    if ('skipped' in result.value) return expect(existsSync(join(dir, 'patched.json'))).toBe(false);
    const object = (json(join(dir, 'request.json')) as { request: { object: unknown } }).request.object;
    // The injector fills the namespace in before it takes the difference, so paths fit the object as it came.
    const patched = applyPatch(object, result.value.patch as readonly PatchOperation[]);
    expect(patched).toEqual(json(join(dir, 'patched.json')));
  });
});
