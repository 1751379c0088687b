import type { Container, PodObject, PodOverlay } from '@flotilla/injector-template';
import { readJsonObject, isRecord } from '@flotilla/std';
import { strategicMerge } from './merge.ts';

interface Containers {
  readonly containers?: readonly Container[] | null;
  readonly initContainers?: readonly Container[] | null;
}
interface Injected {
  readonly containers?: readonly string[] | null;
  readonly initContainers?: readonly string[] | null;
  readonly volumes?: readonly string[] | null;
}

const annotation = { status: 'sidecar.istio.io/status', overrides: 'proxy.istio.io/overrides' };

const hasLists = (value: unknown, lists: readonly string[], isItem: (item: unknown) => boolean): boolean =>
  isRecord(value) &&
  lists.every(
    (name) =>
      (value[name] ?? undefined) === undefined ||
      (Array.isArray(value[name]) && (value[name] as unknown[]).every(isItem)),
  );

/** What an earlier injection noted; a note that can't be read is ignored, as Istio does. */
function injectedBefore({ metadata }: PodObject): Injected | undefined {
  const noted = readJsonObject(metadata.annotations?.[annotation.status] ?? 'null');
  return noted.ok &&
    hasLists(noted.value, ['containers', 'initContainers', 'volumes'], (item) => typeof item === 'string')
    ? (noted.value as Injected)
    : undefined;
}

/**
 * What its user had laid over injected containers. Throws when the annotation is not what an injection writes there.
 */
function overriddenBefore({ metadata }: PodObject): Containers | undefined {
  const text = metadata.annotations?.[annotation.overrides];
  if (text === undefined) return undefined;
  const noted = readJsonObject(text);
  if (
    noted.ok &&
    hasLists(
      noted.value,
      ['containers', 'initContainers'],
      (item) => isRecord(item) && typeof item['name'] === 'string',
    )
  )
    return noted.value as Containers;
  throw new Error(`annotation ${annotation.overrides} is not what an injection writes there: remove it`);
}

/** A pod without what an earlier injection added, and with what its user had laid over that. */
export function stripInjected(pod: PodObject): PodObject {
  const status = injectedBefore(pod);
  if (!status) return pod;
  const overrides = overriddenBefore(pod);
  const without = (
    list: readonly Container[] | undefined,
    names: readonly string[] | null | undefined,
    back: readonly Container[] | null | undefined,
  ): Container[] => {
    const injected = new Set(names);
    return [...(list ?? []).filter(({ name }) => !injected.has(name)), ...(back ?? [])];
  };
  const { initContainers, ...rest } = pod.spec;
  const init = without(initContainers, status.initContainers, overrides?.initContainers);
  return {
    ...pod,
    spec: {
      ...rest,
      containers: without(rest.containers, status.containers, overrides?.containers),
      ...(init.length > 0 ? { initContainers: init } : {}),
    },
  };
}

/**
 * Lays what the user gave for an injected container over it (image `auto` gives nothing), and remembers it for the next
 * injection.
 */
export function applyOverrides({
  merged,
  original,
  added,
}: {
  merged: PodObject;
  original: PodObject;
  added: PodOverlay;
}): PodObject {
  const [before, remembered] = [injectedBefore(original), overriddenBefore(original)];
  const originals = [...original.spec.containers, ...(original.spec.initContainers ?? [])];
  const given = (list: readonly Container[] | undefined, kind: 'containers' | 'initContainers'): Container[] =>
    (list ?? []).flatMap(({ name }) => {
      if (before?.[kind]?.includes(name) && !remembered) return [];
      const found = remembered?.[kind]?.find((one) => one.name === name) ?? originals.find((one) => one.name === name);
      if (!found || before?.[kind]?.includes(name)) return [];
      const { image, ...rest } = found;
      return [image === undefined || image === 'auto' ? (rest as Container) : found];
    });
  const overrides = {
    containers: given(added.spec.containers, 'containers'),
    initContainers: given(added.spec.initContainers, 'initContainers'),
  };
  const lay = (list: readonly Container[] | undefined, over: readonly Container[]): readonly Container[] | undefined =>
    list?.map((container) =>
      over.filter(({ name }) => name === container.name).reduce((one, laid) => strategicMerge(one, laid), container),
    );
  const initContainers = lay(merged.spec.initContainers, overrides.initContainers);
  // A container that the template starts as an init container is no longer where its user wrote it.
  const moved = new Set(added.spec.initContainers?.map(({ name }) => name));
  const spec = {
    ...merged.spec,
    containers: (lay(merged.spec.containers, overrides.containers) ?? []).filter(({ name }) => !moved.has(name)),
    ...(initContainers ? { initContainers } : {}),
  };
  const kept = {
    ...(overrides.containers.length > 0 ? { containers: overrides.containers } : {}),
    ...(overrides.initContainers.length > 0 ? { initContainers: overrides.initContainers } : {}),
  };
  if (before || Object.keys(kept).length === 0) return { ...merged, spec };
  return {
    ...merged,
    metadata: {
      ...merged.metadata,
      annotations: { ...merged.metadata.annotations, [annotation.overrides]: JSON.stringify(kept) },
    },
    spec,
  };
}
