import { readJsonObject, type JsonLimits, type ReadProblem, type Result, isRecord } from '@flotilla/std';

/** Limits of one answer: a page of a list, or an object, for which etcd's limit is 1.5 MiB. */
export const answerLimits: JsonLimits = {
  length: 16 << 20,
  depth: 200,
  nodes: 4_000_000,
  keys: 2_000_000,
  scalarLength: 4 << 20,
};

type Plain = Readonly<Record<string, unknown>>;
const tooDeep = `a value that is nested more than ${answerLimits.depth} levels deep`;

/**
 * The object of an answer, or of one event of a watch. The API server takes objects of 10,000 levels where a schema
 * allows anything, as in an EnvoyFilter. Of such an object the members that are nested too deeply are a text that says
 * so: no schema takes it, and the other objects of the answer are read.
 */
export function readAnswer(text: string): Result<Plain, ReadProblem> {
  const read = readJsonObject(text, answerLimits);
  if (read.ok || read.error.limit !== 'depth') return read;
  const cut = readJsonObject(withoutDepths(text), answerLimits);
  return cut.ok ? { ok: true, value: withoutCut(cut.value) } : cut;
}

/** A JSON text with `tooDeep` in place of the values beyond the limit. */
function withoutDepths(text: string): string {
  const parts: string[] = [];
  let [depth, start] = [0, 0];
  for (let i = 0; i < text.length; i += 1)
    switch (text[i]) {
      case '"':
        for (i += 1; i < text.length && text[i] !== '"'; i += 1) if (text[i] === '\\') i += 1;
        break;
      case '{':
      case '[':
        depth += 1;
        if (depth === answerLimits.depth + 1) parts.push(text.slice(start, i), JSON.stringify(tooDeep));
        break;
      case '}':
      case ']':
        if (depth === answerLimits.depth + 1) start = i + 1;
        depth -= 1;
    }
  return [...parts, text.slice(start)].join('');
}

/** Of a list, of an event of a watch, or of an object: without members of which something was cut. */
function withoutCut(answer: Plain): Plain {
  const { items, object } = answer;
  if (Array.isArray(items)) return { ...answer, items: items.map((item) => (isRecord(item) ? marked(item) : item)) };
  return isRecord(object) && typeof answer['type'] === 'string'
    ? { ...answer, object: marked(object) }
    : marked(answer);
}

/** Metadata has a schema that is not deep, but for what manages which field. */
const marked = (object: Plain): Plain =>
  Object.fromEntries(
    Object.entries(object).map(([name, member]) => [name, name !== 'metadata' && isCut(member) ? tooDeep : member]),
  );

const isCut = (value: unknown): boolean =>
  value === tooDeep || (typeof value === 'object' && value !== null && Object.values(value).some(isCut));
