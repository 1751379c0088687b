import {
  isNotFound,
  type KubeApi,
  type KubeName,
  type KubeObject,
  type KubeResource,
  type NewObject,
  type Patch,
} from '@flotilla/kube-port';
import { systemClock, type Clock } from '@flotilla/std';
import { openConnection, type Connection, type ConnectionOptions } from './connection.ts';
import { discoverKinds } from './discovery.ts';
import { pathOf, queryOf } from './paths.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';
import { Transport } from './transport.ts';

export interface KubeClientOptions extends Partial<Omit<ReflectorOptions, 'transport'>> {
  readonly connection: Connection;
  /** Time for one request and its answer; for a watch, until it begins. */
  readonly deadlineMs?: number;
}

const defaults = {
  pageSize: 250,
  deadlineMs: 30_000,
  watchLifetimeMs: 300_000,
  // The API server sends a bookmark about once a minute.
  silenceMs: 120_000,
  missingKindMs: 5000,
  firstPauseMs: 200,
  mostPauseMs: 30_000,
  random: Math.random,
  clock: systemClock,
} as const;

/** The API of the cluster that a kubeconfig names, or of the one that this runs in. Rejects when neither exists. */
export const openKubeClient = async (options: ConnectionOptions): Promise<KubeApi> =>
  createKubeClient({ connection: await openConnection(options) });

/** The API of one API server. */
export function createKubeClient({ connection, ...given }: KubeClientOptions): KubeApi {
  const options = { ...defaults, ...given };
  const clock: Clock = options.clock;
  const transport = new Transport({ connection, clock, deadlineMs: options.deadlineMs });
  const never = new AbortController().signal;
  type Call = Omit<Parameters<Transport['sendForObject']>[0], 'signal'>;
  const send = async (call: Call): Promise<KubeObject> =>
    (await transport.sendForObject({ ...call, signal: never })) as KubeObject;
  const pathFor = (resource: KubeResource, name: Partial<KubeName>): string =>
    pathOf(resource, resource.versions[0] ?? 'v1', name);

  return {
    watch: (resource, selection, signal) =>
      new Reflector(resource, selection, { ...options, transport, clock }).run(signal),
    discover: (isWanted, signal) =>
      discoverKinds((path) => transport.sendForObject({ method: 'GET', path, signal }), isWanted),
    async get(resource, name) {
      try {
        return await send({ method: 'GET', path: pathFor(resource, name) });
      } catch (thrown) {
        if (isNotFound(thrown)) return undefined;
        throw thrown;
      }
    },
    create: (resource, object) =>
      send({ method: 'POST', path: pathFor(resource, { namespace: namespaceOf(object) }), body: object }),
    replace: (resource, object) => send({ method: 'PUT', path: pathFor(resource, object.metadata), body: object }),
    patch: (resource, name, patch) =>
      send({
        method: 'PATCH',
        path: `${pathFor(resource, name)}${patch.subresource ? `/${patch.subresource}` : ''}${applyQuery(patch)}`,
        body: patch.body,
        contentType: patchTypes[patch.type],
      }),
    async delete(resource, name, preconditions) {
      try {
        const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...(preconditions ? { preconditions } : {}) };
        await send({ method: 'DELETE', path: pathFor(resource, name), body });
        return true;
      } catch (thrown) {
        if (isNotFound(thrown)) return false;
        throw thrown;
      }
    },
  };
}

const namespaceOf = ({ metadata }: NewObject): string | undefined => metadata?.namespace;

/** Server-side apply takes YAML, and so JSON. */
const patchTypes: Readonly<Record<Patch['type'], string>> = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
};

const applyQuery = (patch: Patch): string =>
  patch.type === 'apply' ? queryOf({ fieldManager: patch.fieldManager, force: patch.force ? 'true' : undefined }) : '';
