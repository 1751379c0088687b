import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentsOf } from './scenario.ts';

/** The folders of the corpus whose cases are scenarios. */
export const scenarioFolders = ['xds', 'more/xds', 'random', 'field'];

/** The scenarios in a folder. */
export const findScenarios = (folder: string): string[] =>
  readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, 'expected')) && existsSync(join(path, 'proxies.yaml')));

/** Kinds of objects that have no effect yet, by the feature that they belong to. */
const missing: readonly (readonly [
  feature: string,
  is: (object: { apiVersion?: string; kind?: string }) => boolean,
])[] = [
  ['EnvoyFilter', ({ kind }) => kind === 'EnvoyFilter'],
  ['WasmPlugin', ({ kind }) => kind === 'WasmPlugin'],
  ['Gateway API', ({ apiVersion = '' }) => apiVersion.startsWith('gateway.networking.k8s.io/')],
  ['Ingress', ({ kind }) => kind === 'Ingress'],
];
/** Files without any of these texts need not be parsed. */
const mentions = /EnvoyFilter|WasmPlugin|gateway\.networking\.k8s\.io|Ingress|GENERATOR/;

/**
 * The feature of Istio that a scenario's objects or proxies need and this version lacks; undefined when there is
 * none.
 */
export function featureNeeded(path: string): string | undefined {
  const documents = ['config.yaml', 'kube.yaml', 'proxies.yaml']
    .map((name) => join(path, name))
    .filter((file) => existsSync(file) && mentions.test(readFileSync(file, 'utf8')))
    .flatMap((file) => documentsOf(file).flatMap(({ value }) => objectsIn(value)));
  const found = missing.find(([, is]) => documents.some(is));
  if (found) return found[0];
  const proxies = documents as readonly { metadata?: { GENERATOR?: unknown } }[];
  return proxies.some(({ metadata }) => metadata?.GENERATOR === 'grpc') ? 'proxyless gRPC' : undefined;
}

/** The objects of a document: its own, or those of its list. */
function objectsIn(value: unknown): { apiVersion?: string; kind?: string }[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  if (typeof value !== 'object' || value === null) return [];
  const { items } = value as { items?: unknown };
  return Array.isArray(items) ? items.flatMap(objectsIn) : [value];
}
