import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { applyPatch, inject, type InjectOptions, type PatchOperation } from '@flotilla/injector-inject';
import { createWebhook } from '@flotilla/injector-server';
import { parseInjectionConfig } from '@flotilla/injector-template';
import { keyOf, parseMeshConfig, parseResource, type ObjectKey, type Resource } from '@flotilla/model';
import { noObservability } from '@flotilla/observability-port';
import { ok } from '@flotilla/std';
import { parse, parseAllDocuments } from 'yaml';
import { firstDifference, type Answer } from '../compare.ts';
import { ownPart } from './canonical.ts';
import { readShared } from './files.ts';
import { yaml } from './kube-inject.ts';

interface Server {
  readonly values: string;
  readonly mesh: string;
  readonly env: Readonly<Record<string, string>>;
  readonly injectConfig: string;
  readonly configDir: string;
}
interface Case {
  readonly server: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly httpStatus: number;
  readonly responseContentType?: string;
  readonly body?: string;
}
interface Review {
  readonly response?: {
    readonly allowed?: boolean;
    readonly patch?: string;
    readonly status?: { readonly message?: string };
  };
}
/** The folder with the settings of a webhook that cases name. */
export const serverFolder = (path: string, name: string): string => join(dirname(dirname(path)), 'servers', name);

/** Sends a request to a webhook with a case's settings and compares status, decision and the patched object. */
export async function compareReview(path: string): Promise<Answer> {
  const one = JSON.parse(readFileSync(join(path, 'case.json'), 'utf8')) as Case;
  const file = ['request.json', 'request.raw'].map((name) => join(path, name)).find((name) => existsSync(name));
  const request = file === undefined ? '' : readFileSync(file, 'utf8');
  const options = readServer(serverFolder(path, one.server));
  const webhook = createWebhook({
    decide: (pod, given) => {
      const result = inject(pod, { ...options, ...given });
      if (!result.ok) return result;
      return ok('skipped' in result.value ? {} : { patch: result.value.patch });
    },
    observability: noObservability,
  });
  const server = await webhook.listen({ at: { host: '127.0.0.1', port: 0 } });
  try {
    const answer = await fetch(`http://127.0.0.1:${server.port}${one.path}`, {
      method: one.method,
      headers: one.headers,
      ...(one.method === 'GET' ? {} : { body: request }),
    });
    const body = await answer.text();
    const actual = {
      status: answer.status,
      contentType: answer.headers.get('content-type'),
      ...readAnswer(body, request),
    };
    return {
      difference: firstDifference(expectedAnswer(path, one), actual),
      files: { 'answer.json': actual, response: body },
    };
  } finally {
    await server.close();
  }
}

function readAnswer(body: string, request: string): object {
  if (!body.startsWith('{')) return { body };
  const { response } = JSON.parse(body) as Review;
  const message = response?.status?.message;
  const patch = response?.patch;
  return {
    allowed: response?.allowed ?? false,
    ...(message === undefined ? {} : { message: ownPart(message) }),
    ...(patch === undefined
      ? {}
      : {
          patched: applyPatch(
            (JSON.parse(request) as { request: { object: unknown } }).request.object,
            JSON.parse(Buffer.from(patch, 'base64').toString()) as PatchOperation[],
          ),
        }),
  };
}

function expectedAnswer(path: string, { httpStatus, responseContentType, body }: Case): object {
  const json = (name: string): unknown => JSON.parse(readFileSync(join(path, name), 'utf8'));
  const { response } = (existsSync(join(path, 'response.json')) ? json('response.json') : {}) as Review;
  const message = response?.status?.message;
  return {
    status: httpStatus,
    contentType: responseContentType ?? null,
    ...(response ? { allowed: response.allowed ?? false } : { body }),
    ...(message === undefined ? {} : { message: ownPart(message) }),
    ...(existsSync(join(path, 'patched.json')) ? { patched: json('patched.json') } : {}),
  };
}

function readServer(folder: string): Omit<InjectOptions, 'namespace'> {
  const server = JSON.parse(readFileSync(join(folder, 'server.json'), 'utf8')) as Server;
  const read = parseInjectionConfig({
    config: readShared(folder, server.injectConfig),
    values: readShared(folder, server.values),
  });
  if (!read.ok) throw new Error(read.error);
  const mesh = parseMeshConfig(parse(readShared(folder, server.mesh), yaml));
  if (!mesh.ok || mesh.value.collection !== 'mesh-config') throw new Error(`${folder}: no mesh configuration`);
  return {
    ...read.value.config,
    mesh: mesh.value.spec,
    revision: server.env['REVISION'] ?? '',
    nativeSidecars: server.env['ENABLE_NATIVE_SIDECARS'] === 'true',
    proxyConfigs: readProxyConfigs(join(folder, server.configDir)),
  };
}

function readProxyConfigs(folder: string): Resource<'proxy-configs'>[] {
  const found = new Map<ObjectKey, Resource<'proxy-configs'>>();
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    for (const document of parseAllDocuments(readFileSync(join(folder, file), 'utf8'))) {
      const parsed = parseResource(document.toJS());
      if (parsed.ok && parsed.value.resource.collection === 'proxy-configs')
        found.set(keyOf(parsed.value.resource.meta), parsed.value.resource);
    }
  }
  return [...found.values()];
}
