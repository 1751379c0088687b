import { isDeepStrictEqual } from 'node:util';
import {
  describeName,
  describeResource,
  KubeError,
  type KubeName,
  type KubeObject,
  type KubeResource,
  type NewObject,
  type Patch,
  type Precondition,
} from '@flotilla/kube-port';
import { leavesOf, mergePatch, removalOf, valueAt } from './merge.ts';
import { isRecord } from '@flotilla/std';

/** A change of one object. */
export interface StoredChange {
  readonly type: 'found' | 'gone';
  readonly resource: KubeResource;
  readonly object: KubeObject;
  /** The object before the change; absent when it is new. */
  readonly previous?: KubeObject | undefined;
}

/**
 * The objects of a cluster in memory, with the versions and field ownership that an API server keeps. Methods that
 * change something throw KubeError as an API server would answer, and report the change before they return.
 */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();
  /** The paths of the fields that each manager applied last, by object and manager. */
  readonly #owned = new Map<string, Map<string, ReadonlyMap<string, readonly string[]>>>();
  readonly #onChange: (change: StoredChange) => void;
  #version = 0;

  constructor(onChange: (change: StoredChange) => void) {
    this.#onChange = onChange;
  }

  /** All objects of a kind. */
  list(resource: KubeResource): readonly KubeObject[] {
    const start = `${describeResource(resource)} `;
    return [...this.#objects].filter(([key]) => key.startsWith(start)).map(([, object]) => object);
  }

  get(resource: KubeResource, name: KubeName): KubeObject | undefined {
    return this.#objects.get(keyOf(resource, name));
  }

  create(resource: KubeResource, object: NewObject): KubeObject {
    const name = object.metadata?.name;
    if (name === undefined) throw new KubeError('metadata.name is required', { status: 422, reason: 'Invalid' });
    const { namespace } = object.metadata ?? {};
    if (this.get(resource, { namespace, name }))
      throw new KubeError(`${describeResource(resource)} "${name}" already exists`, {
        status: 409,
        reason: 'AlreadyExists',
      });
    const metadata = { ...object.metadata, name, uid: `uid-${this.#version + 1}`, generation: 1 };
    return this.#put(resource, { ...object, metadata });
  }

  replace(resource: KubeResource, object: KubeObject): KubeObject {
    const current = this.#existing(resource, object.metadata);
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion)
      throw conflict(resource, object.metadata, 'the object has been modified');
    return this.#update(resource, current, object);
  }

  patch(resource: KubeResource, name: KubeName, patch: Patch): KubeObject {
    if (patch.type === 'merge') {
      const current = this.#existing(resource, name);
      const merged = mergePatch(current, patch.body) as KubeObject;
      if (merged.metadata.resourceVersion !== current.metadata.resourceVersion)
        throw conflict(resource, name, 'the object has been modified');
      return this.#update(resource, current, merged);
    }
    return this.#apply(resource, name, patch);
  }

  /** Whether there was one. */
  delete(resource: KubeResource, name: KubeName, { resourceVersion, uid }: Precondition = {}): boolean {
    const current = this.get(resource, name);
    if (!current) return false;
    const { metadata } = current;
    if (
      (resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion ||
      (uid ?? metadata.uid) !== metadata.uid
    )
      throw conflict(resource, name, 'the precondition does not hold');
    this.#objects.delete(keyOf(resource, name));
    this.#owned.delete(keyOf(resource, name));
    this.#version += 1;
    const last = { ...current, metadata: { ...metadata, resourceVersion: String(this.#version) } };
    this.#onChange({ type: 'gone', resource, object: last, previous: current });
    return true;
  }

  /** Deletes all objects of a kind, as when its CRD is deleted. */
  deleteAll(resource: KubeResource): void {
    for (const { metadata } of this.list(resource)) this.delete(resource, metadata);
  }

  /** Server-side apply that treats every list as one field, which is enough for what services apply. */
  #apply(resource: KubeResource, name: KubeName, patch: Patch & { readonly type: 'apply' }): KubeObject {
    const { body, fieldManager, force = false } = patch;
    const key = keyOf(resource, name);
    const { apiVersion: _version, kind: _kind, metadata, ...rest } = body as Partial<KubeObject>;
    const { name: _name, namespace: _namespace, ...applied } = metadata ?? {};
    const fields = leavesOf({ ...rest, ...(Object.keys(applied).length > 0 ? { metadata: applied } : {}) });
    const current = this.get(resource, name);
    const managers = this.#owned.get(key) ?? new Map<string, ReadonlyMap<string, readonly string[]>>();
    if (current && !force)
      for (const [manager, owned] of managers)
        for (const [text, path] of owned)
          if (
            manager !== fieldManager &&
            fields.has(text) &&
            !isDeepStrictEqual(valueAt(body, path), valueAt(current, path))
          )
            throw conflict(resource, name, `conflict with "${manager}": .${path.join('.')}`);
    const dropped = [...(managers.get(fieldManager) ?? [])]
      .filter(([text]) => !fields.has(text))
      .map(([, path]) => path);
    managers.set(fieldManager, fields);
    const base = dropped.reduce<unknown>((object, path) => mergePatch(object, removalOf(path)), current);
    const merged = mergePatch(base, body) as KubeObject;
    const stored = current ? this.#update(resource, current, merged) : this.create(resource, merged);
    this.#owned.set(key, managers);
    return stored;
  }

  #existing(resource: KubeResource, name: KubeName): KubeObject {
    const current = this.get(resource, name);
    if (current) return current;
    throw new KubeError(`${describeResource(resource)} "${name.name}" not found`, { status: 404, reason: 'NotFound' });
  }

  /** An update that changes nothing keeps the version. `generation` counts changes outside metadata and status. */
  #update(resource: KubeResource, current: KubeObject, next: KubeObject): KubeObject {
    const { uid, generation = 1, resourceVersion } = current.metadata;
    const metadata = { ...next.metadata, uid, generation, resourceVersion };
    const object = { ...next, metadata };
    if (isDeepStrictEqual(object, current)) return current;
    const isNewGeneration = !isDeepStrictEqual(desired(object), desired(current));
    return this.#put(resource, {
      ...object,
      metadata: { ...metadata, generation: generation + (isNewGeneration ? 1 : 0) },
    });
  }

  #put(resource: KubeResource, object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = structuredClone({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    }) as KubeObject;
    const previous = this.get(resource, stored.metadata);
    this.#objects.set(keyOf(resource, stored.metadata), stored);
    this.#onChange({ type: 'found', resource, object: stored, previous });
    return stored;
  }
}

const keyOf = (resource: KubeResource, name: KubeName): string => `${describeResource(resource)} ${describeName(name)}`;
const conflict = (resource: KubeResource, name: KubeName, why: string): KubeError =>
  new KubeError(`Operation cannot be fulfilled on ${describeResource(resource)} "${name.name}": ${why}`, {
    status: 409,
    reason: 'Conflict',
  });
function desired(object: KubeObject): unknown {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return isRecord(rest) ? rest : {};
}
