import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parseDocuments } from '@flotilla/galley-file-source';
import { validate, validateDocument, type DocumentVerdict } from '@flotilla/galley-validation';
import { parseMeshConfig, parseMeshNetworks } from '@flotilla/model';
import type { Area } from '../area.ts';
import { eachCase, firstDifference, type Answer } from '../compare.ts';

/** A line of cases.jsonl. */
interface Case {
  readonly id: string;
  readonly kind: string;
  readonly yaml: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly valid: boolean;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly repeat?: boolean;
  readonly documents?: number;
}
const fileName = 'cases.jsonl';

/** Validates what `istioctl validate` and Istio's webhook validated. */
export const validation: Area = {
  about: 'the same objects are refused, and each message names the same field and cause',
  folders: ['validation', 'more/validation'],
  find: (folder) => [...casesIn(folder).keys()].map((id) => join(folder, id)),
  compare: (run) => {
    const cases = casesIn(run.folder);
    return eachCase(run, (path) => {
      const one = cases.get(relative(run.folder, path));
      if (!one) throw new Error(`${basename(dirname(path))} is not a case`);
      return compareVerdict(one);
    });
  },
};

function casesIn(folder: string): ReadonlyMap<string, Case> {
  const file = join(folder, fileName);
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return new Map(lines.map((line) => JSON.parse(line) as Case).map((one) => [one.id, one]));
}

function compareVerdict(one: Case): Answer {
  const actual = verdictOn(one);
  const expected = { valid: one.valid, errors: texts(one.errors), warnings: texts(one.warnings) };
  const found = {
    valid: actual.errors.length === 0,
    errors: texts(actual.errors),
    warnings: texts(actual.warnings),
  };
  const difference = actual.readable
    ? firstDifference(expected, found)
    : (firstDifference({ valid: one.valid }, { valid: found.valid }) ?? missingField(one.errors, actual.errors));
  return { difference, files: { 'answer.json': actual } };
}

/** Fields that Istio does not know must be named here, too: what cannot be read is described in other words. */
function missingField(expected: readonly string[], actual: readonly string[]): string | undefined {
  const [missing] = expected
    .flatMap((text) => [...text.matchAll(/unknown field "([^"]+)"/g)].map(([, name = '']) => name))
    .filter((name) => !actual.some((text) => text.includes(name)));
  return missing === undefined ? undefined : `the message about field "${missing}" is missing:\n${actual.join('\n')}`;
}

/** Texts as the corpus has them: in any order, spaces collapsed, a library's own words left out. */
const texts = (all: readonly string[]): string[] =>
  all.map((text) => withoutForeign(text).replace(/ +/g, ' ').trim()).sort();
function withoutForeign(text: string): string {
  // A parser of CEL says what it expected, and goes on.
  const syntax = text.indexOf('Syntax error:');
  if (text.startsWith('must be a valid CEL expression') && syntax >= 0) return text.slice(0, syntax);
  // Go's JSON library and this project's reader of messages say differently that a value has another type.
  const envoy = 'Envoy filter: ';
  const [first = ''] = text.slice(envoy.length).split(' ', 1);
  const isShape = first === 'json:' || /^[A-Z][A-Za-z]*[.:]/.test(first) || text.includes(' is not a duration');
  return text.startsWith(envoy) && isShape ? `${envoy}wrong value` : text;
}

/** `{{repeat S N}}` stands for N times S. */
const expand = (text: string): string =>
  text
    .split('{{repeat ')
    .map((part, i) => {
      const end = part.indexOf('}}');
      const inside = part.slice(0, end);
      const space = inside.lastIndexOf(' ');
      return i === 0
        ? part
        : inside.slice(0, space).repeat(Number(inside.slice(space + 1))) + part.slice(end + '}}'.length);
    })
    .join('');

function verdictOn({ kind, yaml, repeat, env = {}, documents = 1 }: Case): DocumentVerdict {
  const expanded = repeat ? expand(yaml) : yaml;
  const file = parseDocuments(new TextEncoder().encode(expanded));
  const unreadable = (message: string): DocumentVerdict => ({ readable: false, errors: [message], warnings: [] });
  if ('problem' in file) return unreadable(file.problem.message);
  const isMesh = kind === 'MeshConfig' || kind === 'MeshNetworks';
  if (isMesh) {
    const [document = { index: 0, value: {} }] = file.documents;
    return document.problem ? unreadable(document.problem.message) : verdictOnMesh(kind, document.value);
  }
  const options = { destinationRuleInheritance: env['PILOT_ENABLE_DESTINATION_RULE_INHERITANCE'] === 'true' };
  const verdicts = file.documents.map(({ value, problem }) => {
    const verdict = problem ? unreadable(problem.message) : validateDocument(value, options);
    const named = (text: string): string => (documents > 1 ? `${nameOf(value)}: ${text}` : text);
    return { ...verdict, errors: verdict.errors.map(named), warnings: verdict.warnings.map(named) };
  });
  return {
    readable: verdicts.every(({ readable }) => readable),
    errors: verdicts.flatMap(({ errors }) => errors),
    warnings: verdicts.flatMap(({ warnings }) => warnings),
  };
}

function verdictOnMesh(kind: 'MeshConfig' | 'MeshNetworks', value: unknown): DocumentVerdict {
  const parsed = (kind === 'MeshConfig' ? parseMeshConfig : parseMeshNetworks)(value);
  if (!parsed.ok) return { readable: false, errors: parsed.error.map(({ message }) => message), warnings: [] };
  const problems = validate(parsed.value);
  const messages = (level: string): string[] =>
    problems.filter((problem) => problem.level === level).map(({ message }) => message);
  return { readable: true, errors: messages('error'), warnings: messages('warning') };
}

/** What messages about one of several documents begin with. */
function nameOf(value: unknown): string {
  const { kind = '', metadata = {} } = value as { kind?: string; metadata?: { name?: string; namespace?: string } };
  return `${kind}/${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}
