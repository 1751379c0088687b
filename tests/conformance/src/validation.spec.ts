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
/**
 * How many verdicts agree, and of how many texts too; fewer is a step back. What differs: another version's or a
 * feature flag's rules, and types of Envoy's extensions.
 */
const agreed: Readonly<Record<string, readonly [verdicts: number, texts: number]>> = {
  MeshConfig: [141, 140],
  Sidecar: [78, 78],
  DestinationRule: [136, 132],
  ServiceEntry: [79, 79],
  VirtualService: [260, 260],
  Gateway: [73, 73],
  WorkloadEntry: [15, 15],
  WorkloadGroup: [13, 13],
  EnvoyFilter: [30, 30],
  AuthorizationPolicy: [65, 65],
  RequestAuthentication: [23, 23],
  PeerAuthentication: [13, 13],
  MeshNetworks: [12, 12],
  Telemetry: [25, 24],
  ProxyConfig: [6, 6],
  WasmPlugin: [23, 23],
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
  it.each(Object.entries(agreed))('keeps what agrees of %s', (kind, [verdicts, same]) => {
    const answers = cases.filter((one) => one.kind === kind).map((one) => ({ one, ...answer(one) }));
    const right = answers.filter(({ one, errors }) => (errors.length === 0) === one.valid);
    // What can't be read is told in words of our own, with the path.
    const equal = right.filter(
      ({ one, errors, warnings, parsed }) =>
        !parsed ||
        (errors.join('\n') === texts(one.errors).join('\n') && warnings.join('\n') === texts(one.warnings).join('\n')),
    );
    expect(right.length).toBeGreaterThanOrEqual(verdicts);
    expect(equal.length).toBeGreaterThanOrEqual(same);
  });
});
