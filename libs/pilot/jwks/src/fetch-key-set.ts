import type { KeySetKey } from '@flotilla/model';
import { parseKeySet } from '@flotilla/rules';
import { configLimits, readJsonObject } from '@flotilla/std';
import { FetchFailure } from './failure.ts';
import { fetchText, nextTarget, type FetchOptions } from './fetch-text.ts';
import { parseTarget } from './url.ts';

const correct = 'correct what answers there, or set jwksUri to the URL of the keys';

/**
 * The text of a key set: the one at a URL, or the one that an OpenID discovery document names as its `jwks_uri`. Throws
 * a FetchFailure, also when the answer is not a key set. Its message contains nothing of the answer, which may come
 * from a place that readers of problems should not see.
 */
export async function fetchKeySet({ kind, url }: KeySetKey, options: FetchOptions): Promise<string> {
  const target = parseTarget(url);
  const { text } = await fetchText(kind === 'jwks' ? target : await discover(target, options), options);
  if (!parseKeySet(text).ok) throw new FetchFailure('the answer is not a key set (RFC 7517)', correct);
  return text;
}

async function discover(target: URL, options: FetchOptions): Promise<URL> {
  const document = await fetchText(target, options);
  const read = readJsonObject(document.text, configLimits);
  const uri = read.ok ? read.value['jwks_uri'] : undefined;
  if (typeof uri !== 'string')
    throw new FetchFailure('the answer is not an OpenID discovery document with a jwks_uri', correct);
  parseTarget(uri);
  return nextTarget(document.url, uri);
}
