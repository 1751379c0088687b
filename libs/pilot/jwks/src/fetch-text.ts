import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { unescape } from 'node:querystring';
import type { SecureContext } from 'node:tls';
import { FetchFailure, failureOf } from './failure.ts';
import type { HostResolver } from './resolver.ts';
import { parseTarget } from './url.ts';

export interface FetchOptions {
  readonly resolver: HostResolver;
  readonly roots: () => Promise<SecureContext>;
  /** Certificates are not checked. */
  readonly skipsVerification: boolean;
  /** The largest body that is read. */
  readonly maxBytes: number;
  readonly maxRedirects: number;
  /** Ends the fetch, with all of its redirects. */
  readonly signal: AbortSignal;
}
export interface FetchedText {
  readonly text: string;
  /** Where it was found, after all redirects. */
  readonly url: URL;
}

const maxHeaderBytes = 16 << 10;
type Answer =
  { readonly kind: 'body'; readonly text: string } | { readonly kind: 'redirect'; readonly location: string };

/** Gets a text by HTTP or HTTPS, and follows redirects. Throws a FetchFailure. */
export async function fetchText(start: URL, options: FetchOptions): Promise<FetchedText> {
  let url = start;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await get(url, options).catch((error: unknown) => {
      throw options.signal.aborted ? late() : failureOf(error);
    });
    if (answer.kind === 'body') return { text: answer.text, url };
    if (redirects === options.maxRedirects)
      throw new FetchFailure(
        `there are more than ${options.maxRedirects} redirects (--jwks-redirects)`,
        'use the URL that they lead to',
        'jwks_redirects',
      );
    url = nextTarget(url, answer.location);
  }
}

/**
 * The URL that a redirect or a discovery document leads to. Throws a FetchFailure for one that is not HTTP or HTTPS,
 * and for one that leads from HTTPS to HTTP.
 */
export function nextTarget(from: URL, location: string): URL {
  const url = parseTarget(URL.parse(location, from.href)?.href ?? '');
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw new FetchFailure('it leads from https to http', 'use URLs with https only');
  return url;
}

async function get(url: URL, { resolver, roots, skipsVerification, maxBytes, signal }: FetchOptions): Promise<Answer> {
  resolver.checkHost(url.hostname);
  const options = {
    agent: false,
    lookup: resolver.lookup,
    signal,
    maxHeaderSize: maxHeaderBytes,
    headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'flotilla-pilot' },
    ...(url.username || url.password ? { auth: `${unescape(url.username)}:${unescape(url.password)}` } : {}),
  } satisfies RequestOptions;
  const target = new URL(url);
  target.username = target.password = target.hash = '';
  const secureContext = url.protocol === 'https:' ? await roots() : undefined;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const secured = { ...options, secureContext, rejectUnauthorized: !skipsVerification };
    const request = secureContext ? requestHttps(target, secured) : requestHttp(target, options);
    request.once('response', resolve).once('error', reject).end();
  });
  try {
    return await answerOf(response, maxBytes);
  } finally {
    response.destroy();
  }
}

async function answerOf(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(status) && headers.location !== undefined)
    return { kind: 'redirect', location: headers.location };
  if (status < 200 || status > 299)
    throw new FetchFailure(`its host answered with status ${status}`, 'correct the URL, or what answers there');
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw new FetchFailure('the answer is compressed', 'serve it as it is');
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  try {
    return { kind: 'body', text: new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)) };
  } catch {
    throw new FetchFailure('the answer is not valid UTF-8', 'correct what answers there');
  }
}

const late = (): FetchFailure =>
  new FetchFailure(
    'its host did not answer in time (--jwks-timeout)',
    'make it answer faster, or put the keys into the field jwks',
    'jwks_timeout',
  );

const tooLarge = (maxBytes: number): FetchFailure =>
  new FetchFailure(
    `the answer has more than ${maxBytes} bytes (--jwks-bytes)`,
    'serve fewer keys: every proxy is sent all of them',
    'jwks_bytes',
  );
