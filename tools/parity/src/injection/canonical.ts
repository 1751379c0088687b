import { configLimits, parseQuantity, readJson } from '@flotilla/std';

/**
 * Go writes what a pod does not have as null or {}, and quantities as text; the API server has done so before it sends
 * a review. None of that is a difference.
 */
export function canonical(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (typeof value === 'string' && key === 'proxy.istio.io/overrides') return canonical(parsedOr(value));
  if (typeof value !== 'object' || value === null) return ['cpu', 'memory'].includes(key) ? quantity(value) : value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => !isNothing(name, item))
      .map(([name, item]) => [name, canonical(item, name)]),
  );
}
/** What JSON says, or the text itself: a user's annotation may be neither. */
function parsedOr(text: string): unknown {
  const read = readJson(text, configLimits);
  return read.ok ? read.value : text;
}
const isNothing = (name: string, item: unknown): boolean =>
  item === null ||
  (['resources', 'emptyDir', 'securityContext'].includes(name) && Object.keys(item as object).length === 0);

const quantity = (value: unknown): unknown => {
  const read = parseQuantity(String(value));
  return read.ok ? read.value.text : value;
};

/** Where a message stops being Istio's own and continues with the words of a library, of Go or of the system. */
const foreign =
  /(?<![\w.])yaml: |(?<![\w.])json: |(?<=json parse error:) |template: inject|unexpected end of JSON|quantities must|converting YAML/;

/** Istio's own part of a message. It lists templates, and what is wrong with annotations, in any order. */
export const ownPart = (message: string): string =>
  (message.split(foreign, 1)[0]?.trimEnd() ?? '')
    .replace(/(?<=not found; have )[^\n]+/, (names) => names.split(', ').sort().join(', '))
    .replace(/(?:^\t\* .*(?:\n|$))+/gm, (mistakes) => mistakes.trimEnd().split('\n').sort().join('\n'));

/** What Istio wrote as an error, without the lines of its log before. */
export const errorOf = (stderr: string): string => stderr.slice(stderr.indexOf('Error: ') + 'Error: '.length).trimEnd();
