import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PatchOperation } from '@flotilla/injector-inject';
import { createLimits, type Observability } from '@flotilla/observability-port';
import {
  createAnswerWriter,
  createBodyReader,
  serveHttp,
  type AnswerWriter,
  type BodyReader,
  type HttpServer,
  type HttpServerOptions,
} from '@flotilla/server';
import { messageOf, printable, type Result } from '@flotilla/std';
import type { PodObject } from '@flotilla/injector-template';
import { parseReview, type ReviewFailure, type ReviewRequest } from './review.ts';

/** The answer about one pod. */
export type Verdict = Result<{ readonly patch?: readonly PatchOperation[] }>;
export interface WebhookOptions {
  /** Decides about a pod; `proxyEnv` is what the request's path sets. */
  readonly decide: (
    pod: PodObject,
    request: { readonly namespace: string; readonly proxyEnv: Readonly<Record<string, string>> },
  ) => Verdict;
  readonly observability: Observability;
}
export interface Webhook {
  /** Answers on a port until its server is closed. Rejects with the `code` of an address that can't be had. */
  listen(options: Omit<HttpServerOptions, 'handle'>): Promise<HttpServer>;
}

/** The largest object that the API server stores is 3 MiB with its limits; a review holds it twice at most. */
const maxBody = 6 * 1024 * 1024;
/** Of all reviews that are being received; most have a few dozen KiB. */
const maxBodies = 20 * maxBody;
/** Of all answers that callers have not taken yet. */
const maxAnswers = 64 * 1024 * 1024;
/** Room for the thousand characters that Istio quotes of a body. */
const maxRefusal = 1100;

/** What requests of one server share. */
interface Memory {
  readonly readBody: BodyReader;
  readonly writeAnswer: AnswerWriter;
}

/**
 * The injection webhook over HTTPS, `POST /inject[/KEY/VALUE...]`. Mistakes in a review are HTTP 200 with `allowed:
 * false`, as Istio answers.
 */
export function createWebhook({ decide, observability }: WebhookOptions): Webhook {
  const { metrics, activity } = observability;
  const log = observability.log.scope('injection');
  const limitHit = createLimits(metrics, ['text']);
  const requests = metrics.counter('sidecar_injection_requests_total', 'Total number of sidecar injection requests.');
  const failures = metrics.counter(
    'sidecar_injection_failure_total',
    'Total number of failed sidecar injection requests.',
  );

  async function handle(
    { readBody, writeAnswer }: Memory,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const text = (status: number, body: string): void =>
      void response
        .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
        .end(`${body}\n`);
    const path = decodePath((request.url ?? '').split('?')[0] ?? '');
    if (path === undefined) return text(400, 'malformed path');
    if (path !== '/inject' && !path.startsWith('/inject/')) return text(404, '404 page not found');
    requests.add();
    const bytes = await readBody(request);
    if (bytes === 'too large')
      return fail(() => text(413, `request body is larger than ${maxBody} bytes`), 'body too large');
    const body = bytes.toString('utf8');
    if (body.length === 0) return fail(() => text(400, 'no body found'), 'no body found');
    if (request.headers['content-type'] !== 'application/json')
      return fail(() => text(415, 'invalid Content-Type, want `application/json`'), 'wrong content type');
    const review = activity.during({ name: `a review of ${body.length} characters` }, () => parseReview(body));
    if (!review.ok && review.error.isOverLimit) limitHit('text');
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    writeAnswer(response, JSON.stringify(review.ok ? answer(review.value, path) : refusal(review.error)));
  }

  function fail(tell: () => void, reason: string): void {
    failures.add();
    log.warn('refused a request', { reason });
    tell();
  }

  function refusal({ message: reason, uid, apiVersion }: ReviewFailure): object {
    failures.add();
    log.error('injection failed', { reason: printable(reason, maxRefusal) });
    const message = lines(reason);
    return {
      ...(apiVersion ? { apiVersion, kind: 'AdmissionReview' } : {}),
      response: { uid, allowed: false, status: { metadata: {}, message } },
    };
  }

  function answer({ uid, namespace, apiVersion, pod }: ReviewRequest, path: string): object {
    let verdict: Verdict;
    try {
      const name = `pod ${namespace}/${pod.metadata.name ?? pod.metadata.generateName ?? ''}`;
      verdict = activity.during({ name }, () => decide(pod, { namespace, proxyEnv: parsePathEnv(path) }));
    } catch (thrown) {
      verdict = { ok: false, error: messageOf(thrown) };
    }
    if (!verdict.ok) return refusal({ message: verdict.error, uid, apiVersion });
    const { patch } = verdict.value;
    return {
      apiVersion,
      kind: 'AdmissionReview',
      response: {
        uid,
        allowed: true,
        ...(patch ? { patch: Buffer.from(JSON.stringify(patch)).toString('base64'), patchType: 'JSONPatch' } : {}),
      },
    };
  }

  return {
    listen(options) {
      const memory: Memory = {
        readBody: createBodyReader({
          maxBytes: maxBody,
          maxTotal: maxBodies,
          onTotal: () => options.onLimit?.('body_memory'),
        }),
        writeAnswer: createAnswerWriter({ maxTotal: maxAnswers, onTotal: () => options.onLimit?.('answer_memory') }),
      };
      return serveHttp({
        ...options,
        handle: (request, response) =>
          handle(memory, request, response).catch((thrown: unknown) => {
            failures.add();
            throw thrown;
          }),
      });
    },
  };
}

/** A message of several lines, with tabs, as Istio's are; each line as it may stand on a terminal. */
const lines = (text: string): string =>
  text
    .slice(0, maxRefusal)
    .split(/([\n\t])/)
    .map((part, i) => (i % 2 === 0 ? printable(part, maxRefusal) : part))
    .join('');

const known = new Map([
  ['cluster', 'ISTIO_META_CLUSTER_ID'],
  ['net', 'ISTIO_META_NETWORK'],
]);

/**
 * Environment in the path: `/inject/cluster/NAME/net/NAME`, where `--slash--` is written for a slash, or the older
 * `/inject/:ENV:cluster=NAME:ENV:net=NAME`. A key without value is ignored; an empty value is one (pkg/kube/inject,
 * parseInjectEnvs).
 */
export function parsePathEnv(path: string): Record<string, string> {
  const rest = path.replace(/^\/inject\/?/, '').replace(/\/$/, '');
  const pairs = rest.startsWith(':ENV:')
    ? assignments(rest)
    : alternating(rest.split('/').map((part) => part.replaceAll('--slash--', '/')));
  return Object.fromEntries(
    pairs.filter(([key]) => key !== '').map(([key, value]) => [known.get(key) ?? key.toUpperCase(), value]),
  );
}

type Pair = readonly [key: string, value: string];
const alternating = (parts: readonly string[]): Pair[] =>
  parts.flatMap((key, i) => (i % 2 === 0 && parts[i + 1] !== undefined ? [[key, parts[i + 1] ?? ''] as const] : []));
const assignments = (text: string): Pair[] =>
  text.split(':ENV:').flatMap((part) => {
    const equals = part.indexOf('=');
    return equals < 0 ? [] : [[part.slice(0, equals), part.slice(equals + 1)] as const];
  });

/** The path without its percent signs; undefined when they are malformed. */
function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
