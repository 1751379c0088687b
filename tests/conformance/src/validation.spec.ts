import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocuments } from '@flotilla/galley-file-source';
import { validate } from '@flotilla/galley-validation';
import { parseMeshConfig, parseMeshNetworks, parseResource } from '@flotilla/model';
import { corpusPath } from '@flotilla/testing';

/** What Istio's validation answered, as data; a machine without it skips these tests, by name. */
const corpus = corpusPath('validation', 'cases.jsonl');
const here = existsSync(corpus);

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly yaml: string;
  readonly valid: boolean;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly repeat?: boolean;
}
/** Kinds of configuration that galley validates. */
const kinds = [
  'MeshConfig',
  'MeshNetworks',
  'Sidecar',
  'DestinationRule',
  'ServiceEntry',
  'VirtualService',
  'Gateway',
  'WorkloadEntry',
  'WorkloadGroup',
  'EnvoyFilter',
  'AuthorizationPolicy',
  'RequestAuthentication',
  'PeerAuthentication',
  'Telemetry',
  'ProxyConfig',
  'WasmPlugin',
];
/** Cases whose answer differs from Istio's, and why. */
const inheritance =
  'rules for a namespace or the mesh, without a host: Istio has them behind PILOT_ENABLE_DESTINATION_RULE_INHERITANCE';
const enumNumber = 'a number of an enum that names nothing is taken for the default, as protobuf reads it';
const version = "a version that 1.19 does not know: Istio's webhook lets it pass unread, here it is a problem";
const patchValue = "the value of a patch is not compared with Envoy's messages when it is validated";
const known: Readonly<Record<string, string>> = {
  'upstream/MeshConfig/TestValidateControlPlaneAuthPolicy.invalid_policy': enumNumber,
  'upstream/MeshConfig/TestValidateControlPlaneAuthPolicy.invalid_policy_01': enumNumber,
  'upstream/MeshConfig/TestValidateControlPlaneAuthPolicy.invalid_policy_02': enumNumber,
  'upstream/MeshConfig/TestValidateMeshConfigProxyConfig.control_plane_auth_policy_invalid': enumNumber,
  'upstream/MeshConfig/TestValidateMeshConfigProxyConfig.private_key_provider_with_qat-2': enumNumber,
  'upstream/DestinationRule/TestValidateDestinationWithInheritance-13': inheritance,
  'upstream/DestinationRule/TestValidateDestinationWithInheritance-14': inheritance,
  'upstream/DestinationRule/TestValidateDestinationWithInheritance-15': inheritance,
  'upstream/DestinationRule/TestValidateDestinationWithInheritance-16': inheritance,
  'own/DestinationRule/inheritance-host-star': inheritance,
  'own/EnvoyFilter/value-unknown-any-type': patchValue,
  'upstream/EnvoyFilter/TestValidateEnvoyFilter.invalid_patch_value': patchValue,
  'upstream/Telemetry/TestValidateTelemetryFilter._03': 'the CEL parser words its messages differently',
  'own/VirtualService/unknown-version-is-not-validated': version,
  'own/PeerAuthentication/v1-not-known-in-1.19': version,
};
const parsers: Readonly<Record<string, typeof parseMeshConfig>> = {
  MeshConfig: parseMeshConfig,
  MeshNetworks: parseMeshNetworks,
};

/** Texts as the corpus has them: spaces collapsed, in any order. */
const texts = (all: readonly string[]): string[] => all.map((text) => text.replace(/ +/g, ' ').trim()).sort();

function answer({ kind, yaml, repeat }: Case): {
  readonly errors: string[];
  readonly warnings: string[];
  readonly parsed: boolean;
} {
  const expanded = repeat
    ? yaml.replace(/\{\{repeat (.*?) (\d+)\}\}/g, (_, text: string, times: string) => text.repeat(Number(times)))
    : yaml;
  const file = parseDocuments(new TextEncoder().encode(expanded));
  // An empty file is the default mesh.
  const [document = { value: {} }] = 'documents' in file ? file.documents : [{ problem: file.problem }];
  const parse =
    parsers[kind] ??
    ((raw: unknown) => {
      const result = parseResource(raw, { unknownFields: 'strict' });
      return result.ok ? { ok: true as const, value: result.value.resource } : result;
    });
  const resource =
    'problem' in document && document.problem ? undefined : parse('value' in document ? document.value : undefined);
  if (!resource?.ok) return { errors: ['unreadable'], warnings: [], parsed: false };
  const problems = validate(resource.value);
  const of = (level: string): string[] =>
    texts(problems.filter((problem) => problem.level === level).map(({ message }) => message));
  return { errors: of('error'), warnings: of('warning'), parsed: true };
}

describe.skipIf(!here)('validation as Istio 1.19.0 does it', () => {
  const cases = here
    ? readFileSync(corpus, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Case)
    : [];
  it.each(kinds)('%s: whether it is valid, and each message, but for the known differences', (kind) => {
    const isKnown = (id: string): boolean => known[id] !== undefined;
    const differing = cases.filter((one) => one.kind === kind && !agrees(one)).map(({ id }) => id);
    expect(differing.filter((id) => !isKnown(id))).toEqual([]);
    const wanted = cases.filter((one) => one.kind === kind && isKnown(one.id)).map(({ id }) => id);
    expect(wanted.filter((id) => !differing.includes(id))).toEqual([]);
  });

  it('knows a case for each known difference', () => {
    expect(Object.keys(known).filter((id) => !cases.some((one) => one.id === id))).toEqual([]);
  });
});

/** What can't be read is told in words of our own, with the path: then only the verdict is compared. */
function agrees(one: Case): boolean {
  const { errors, warnings, parsed } = answer(one);
  if ((errors.length === 0) !== one.valid) return false;
  return (
    !parsed ||
    (errors.join('\n') === texts(one.errors).join('\n') && warnings.join('\n') === texts(one.warnings).join('\n'))
  );
}
