import { createHash } from 'node:crypto';
import type { Installation } from '@flotilla/model';
import { configLimits, err, isRecord, ok, readYaml, type Result } from '@flotilla/std';
import { parseInstalledValues, parseValues, type Values } from './values.ts';

/** The configuration of injection of one installation. */
export interface InjectionConfig {
  readonly values: Values;
  /** The templates for pods that do not name any; each name may be an alias. */
  readonly defaultTemplates: readonly string[];
  /** Names that stand for several templates. */
  readonly aliases: Readonly<Record<string, readonly string[]>>;
}

/** The configuration with the given values and Istio's defaults for everything else. */
export const configOf = (values: Values): InjectionConfig => ({ values, defaultTemplates: ['sidecar'], aliases: {} });

/** A configuration, and warnings about parts of it that have no effect. */
export interface ParsedInjectionConfig {
  readonly config: InjectionConfig;
  readonly warnings: readonly string[];
}

/** SHA-256 of the templates in Istio 1.19's charts, without surrounding white space; our templates are equivalent. */
const knownTemplates: ReadonlyMap<string, string> = new Map([
  ['gateway', '4f3d91d3e4b7d72d5b7fb519ec231193ae7b3edc1c085acf95c92ff94a8057be'],
  ['grpc-agent', '13091ffd7c9f007dd2407f7248f12071c5deaf6c5a090578212901aaae9d87ec'],
  ['grpc-simple', 'd06a1a954ca7bc861bc988215a60347b9a40d2e4d92f6a0c3d4c146681c39f4e'],
  ['kube-gateway', '4e8f4bb7f64402177887cc3cd998c762457589e2a175e2e5907a4c1bb433ffd2'],
  ['sidecar', 'b085d89b06049bf723633435f1d82555f8ec816e9ebb00561595bbd287cce108'],
  ['waypoint', 'feb07f4d74e4f1d9c8a300f32e079a3e6769fbe4aa4a719d1808f8c56342fe72'],
]);

type Plain = Readonly<Record<string, unknown>>;

/**
 * Reads the data of the ConfigMap `istio-sidecar-injector` as Istio installs it: `values`, and `config` with policy,
 * selectors, default templates, aliases and annotations (pkg/kube/inject, Config). Templates are code here, so those of
 * Istio 1.19 are recognized, and any other has no effect and is named in a warning. Without `config`, the values need
 * not be complete: Istio's defaults are below them. The error has the path of the mistake.
 */
export function parseInjectionConfig(
  data: Readonly<Record<string, unknown>>,
  installation?: Pick<Installation, 'domain' | 'systemNamespace'>,
): Result<ParsedInjectionConfig> {
  const given = readMember(data, 'values');
  if (!given.ok) return given;
  if (data['config'] === undefined) {
    const values = parseValues(given.value, installation);
    return values.ok ? ok({ config: configOf(values.value), warnings: [] }) : err(`values: ${values.error}`);
  }
  const read = readMember(data, 'config');
  if (!read.ok) return read;
  const problem = problemOf(read.value);
  if (problem !== undefined) return err(`config: ${problem}`);
  const values = parseInstalledValues(withDecisions(given.value, read.value), installation);
  if (!values.ok) return err(`config and values: ${values.error}`);
  const custom = customTemplates(templatesIn(read.value));
  const defaults = (read.value['defaultTemplates'] ?? []) as readonly string[];
  const supported = defaults.filter((name) => knownTemplates.has(name) || !custom.includes(name));
  return ok({
    config: {
      values: values.value,
      defaultTemplates: supported.length > 0 ? supported : ['sidecar'],
      aliases: (read.value['aliases'] ?? {}) as InjectionConfig['aliases'],
    },
    warnings: custom.map((name) =>
      knownTemplates.has(name)
        ? `template ${name} differs from the one of Istio 1.19: custom templates are not supported, so Istio's is used`
        : `template ${name} has no effect: custom templates are not supported`,
    ),
  });
}

/** Reads a string member with one YAML or JSON object; a missing or empty one is an empty object. */
function readMember(data: Plain, name: string): Result<Plain> {
  const text = data[name] ?? '';
  if (typeof text !== 'string') return err(`${name}: expected a text`);
  const read = readYaml(text, configLimits);
  if (!read.ok) return err(`${name}: ${read.error.message}`);
  const value = read.value ?? {};
  return isRecord(value) ? ok(value) : err(`${name}: expected an object`);
}

const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');

function problemOf(config: Plain): string | undefined {
  const { policy, defaultTemplates, aliases, templates } = config;
  if ((policy ?? undefined) !== undefined && typeof policy !== 'string') return 'policy: expected a text';
  if (!isTextList(defaultTemplates ?? [])) return 'defaultTemplates: expected a list of names';
  if (!isRecord(aliases ?? {}) || !Object.values(aliases ?? {}).every(isTextList))
    return 'aliases: expected an object of lists of names';
  if (!isRecord(templates ?? {})) return 'templates: expected an object';
  return undefined;
}

/** The values, overridden by the parts of `config` that decide about pods; Istio made these from the same values. */
function withDecisions(values: Plain, config: Plain): unknown {
  const { policy, alwaysInjectSelector, neverInjectSelector, injectedAnnotations } = config;
  const global = isRecord(values['global']) ? values['global'] : {};
  return {
    ...values,
    global: withMembers(values['global'], {
      proxy: withMembers(global['proxy'], policy ? { autoInject: policy } : {}),
    }),
    sidecarInjectorWebhook: withMembers(values['sidecarInjectorWebhook'], {
      alwaysInjectSelector: alwaysInjectSelector ?? [],
      neverInjectSelector: neverInjectSelector ?? [],
      injectedAnnotations: injectedAnnotations ?? {},
    }),
  };
}

/** An object with additional members; any other value stays, so that the check of its type rejects it. */
const withMembers = (value: unknown, members: Plain): unknown =>
  value === undefined || value === null || isRecord(value) ? { ...(value ?? {}), ...members } : value;

const templatesIn = ({ templates }: Plain): Plain => (isRecord(templates) ? templates : {});

/** The names of templates that are not Istio's own. */
const customTemplates = (templates: Plain): readonly string[] =>
  Object.entries(templates)
    .filter(
      ([name, text]) => knownTemplates.get(name) !== createHash('sha256').update(String(text).trim()).digest('hex'),
    )
    .map(([name]) => name);
