import { Schema, type Tags } from 'yaml';

const prefix = 'tag:yaml.org,2002:';
/** To Kubernetes these are text, mappings and lists like any others; merge keys are read with the values. */
const unused = new Set(['timestamp', 'binary', 'omap', 'pairs', 'set', 'merge'].map((name) => prefix + name));

const customTags = (tags: Tags): Tags =>
  tags.flatMap((tag): Tags => {
    if (typeof tag === 'string') return [tag];
    if (unused.has(tag.tag) || ('format' in tag && tag.format === 'TIME')) return [];
    if (tag.tag !== `${prefix}float` || !('test' in tag)) return [tag];
    if (tag.test?.test('.')) return [{ ...tag, test: /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)$/ }];
    return tag.test?.test('e1') ? [{ ...tag, test: exponent, resolve: finiteOrText }] : [tag];
  });

const exponent = /^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$/;

/** A number that no float64 holds is text, such as the hash `6336e2069` in a label. */
function finiteOrText(text: string): number | string {
  const number = Number(text.replaceAll('_', ''));
  return Number.isFinite(number) ? number : text;
}

/**
 * YAML 1.1 as Go's parser reads it (and so Kubernetes): `yes` is true and `012` is ten, but a lone dot and an exponent
 * without digits before it, as in the name `e1`, are text, and so are times and numbers of base 60. Made once, for all
 * documents, whatever version they name.
 */
export const kubernetesSchema = new Schema({ schema: 'yaml-1.1', customTags, resolveKnownTags: false });
