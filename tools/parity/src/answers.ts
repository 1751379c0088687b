import { keyOf } from '@flotilla/model';
import { Engine, Subject } from '@flotilla/query';
import { createWorldStore, credentialChange, parseProxy, worldChanges } from '@flotilla/pilot-world';
import { allOf, oneOf, typeUrls, type XdsKind, type XdsResource } from '@flotilla/pilot-xds';
import { toJson, type Json } from '@flotilla/proto-gen/json';
import type { Scenario, ScenarioProxy } from './scenario.ts';

type Answer = Partial<Record<XdsKind, Json[]>>;
type Plain = { [key: string]: Json };
const plain = (json: Json | undefined): Plain => (typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {});
const list = (json: Json | undefined): Json[] => (Array.isArray(json) ? json : []);

/** Every value of a key, anywhere inside. */
function* valuesOf(json: Json, key: string): Iterable<Json> {
  if (Array.isArray(json)) for (const item of json) yield* valuesOf(item, key);
  else if (typeof json === 'object' && json !== null) {
    for (const [name, value] of Object.entries(json)) {
      if (name === key) yield value;
      yield* valuesOf(value, key);
    }
  }
}

const decode = (kind: XdsKind, resources: readonly XdsResource[]): Json[] => resources.map(({ bytes }) => toJson(typeUrls[kind], bytes));

export function openWorld(scenario: Scenario): Engine {
  const engine = new Engine(createWorldStore());
  engine.apply(scenario.resources.flatMap((resource) => worldChanges(resource.collection, keyOf(resource.meta), resource)));
  engine.apply([...scenario.credentials].map(([key, value]) => credentialChange(key, value)));
  return engine;
}

/** Asks what a proxy of the scenario would ask, in its order (the corpus' README): CDS, EDS, LDS, RDS, ECDS, SDS, NDS. No answer is no entry. */
export function ask(engine: Engine, proxy: ScenarioProxy): Answer {
  const attributes = parseProxy(proxy.node, proxy.identity);
  if (!attributes.ok) throw new Error(attributes.error);
  const subject = new Subject(attributes.value as unknown as Record<string, unknown>);
  const named = (kind: XdsKind, names: Iterable<string>): Json[] =>
    decode(kind, [...new Set(names)].flatMap((name) => engine.read(oneOf, `${kind}|${name}`, subject) ?? []));
  const all = (kind: XdsKind): Json[] => decode(kind, engine.read(allOf, kind, subject));
  const cds = all('cds');
  const eds = named('eds', cds.map(plain).filter(({ type }) => type === 'EDS').map((cluster) => String(plain(cluster['edsClusterConfig'])['serviceName'] ?? cluster['name'])));
  const lds = all('lds');
  const rds = named('rds', [...valuesOf(lds, 'rds')].map((rds) => String(plain(rds)['routeConfigName'])));
  const ecds = named('ecds', [...valuesOf(lds, 'httpFilters')].flatMap(list).map(plain).filter((filter) => filter['configDiscovery']).map(({ name }) => String(name)));
  const sds = named('sds', [...sdsNames(cds), ...sdsNames(lds)].filter((name) => /^kubernetes(-gateway)?:\/\//.test(name)));
  const nds = attributes.value.dnsCapture ? all('nds') : [];
  return Object.fromEntries(Object.entries({ cds, eds, lds, rds, ecds, sds, nds }).filter(([kind, resources]) => resources.length > 0 || kind === 'cds' || kind === 'lds'));
}

function* sdsNames(json: Json): Iterable<string> {
  for (const key of ['tlsCertificateSdsSecretConfigs', 'validationContextSdsSecretConfig']) {
    for (const value of valuesOf(json, key)) for (const config of Array.isArray(value) ? value : [value]) yield String(plain(config)['name']);
  }
}
