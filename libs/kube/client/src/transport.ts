import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { KubeError } from '@flotilla/kube-port';
import { messageOf, pause, readJsonObject, type Clock } from '@flotilla/std';
import type { Connection } from './connection.ts';
import { answerLimits, readAnswer } from './read-answer.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Including the query. */
  readonly path: string;
  readonly body?: object | undefined;
  readonly contentType?: string;
  /** JSON unless given. */
  readonly accept?: string | undefined;
  /** Uses a new connection instead of a pooled one, which may have died since its last request. */
  readonly fresh?: boolean;
  /** Ends the request, and the body that is being read. */
  readonly signal: AbortSignal;
}

export interface TransportOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Time until the answer begins; for `sendForObject`, until it is complete. */
  readonly deadlineMs: number;
}

const json = 'application/json';

/** An answer beyond `answerLimits`. */
export class AnswerTooLong extends KubeError {}

/** Sends requests to one API server. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The body of a successful answer, as a stream of bytes. Throws KubeError for any other answer. */
  async sendForStream(request: KubeRequest): Promise<Readable> {
    const deadline = new AbortController();
    const cancel = this.#options.clock.after(this.#options.deadlineMs, () => deadline.abort());
    try {
      const response = await this.#send(request, deadline.signal);
      const body = response.headers['content-encoding'] === 'gzip' ? gunzip(response) : response;
      if (isSuccess(response)) return body;
      throw errorOf(response, await readAll(body));
    } catch (thrown) {
      if (thrown instanceof KubeError) throw thrown;
      throw new KubeError(
        deadline.signal.aborted ? `no answer within ${this.#options.deadlineMs} ms` : messageOf(thrown),
      );
    } finally {
      cancel();
    }
  }

  /** The object in a successful answer. Throws KubeError for any other answer, and for one that is not an object. */
  async sendForObject(request: KubeRequest): Promise<Readonly<Record<string, unknown>>> {
    const { clock, deadlineMs } = this.#options;
    const late = new AbortController();
    const cancel = clock.after(deadlineMs, () => late.abort());
    const stop = (): void => late.abort();
    request.signal.addEventListener('abort', stop, { once: true });
    try {
      const text = await readAll(await this.sendForStream({ ...request, signal: late.signal }));
      const read = readAnswer(text);
      if (read.ok) return read.value;
      if (read.error.code === 'over-limit') throw new AnswerTooLong(`an answer with ${read.error.message}`);
      throw new KubeError(`the answer is not valid: ${read.error.message}`);
    } catch (thrown) {
      throw thrown instanceof KubeError ? thrown : new KubeError(messageOf(thrown));
    } finally {
      cancel();
      request.signal.removeEventListener('abort', stop);
    }
  }

  /** Waits for `ms`, or longer if the API server asked for it with `error`. */
  async wait(ms: number, error: unknown, signal: AbortSignal): Promise<void> {
    const asked = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
    await pause(Math.max(ms, asked), signal, this.#options.clock);
  }

  async #send(request: KubeRequest, deadline: AbortSignal): Promise<IncomingMessage> {
    const { server, freshAgent, options } = this.#options.connection;
    const connection = await options();
    const { method, path, body, contentType = json, accept = json, fresh = false, signal } = request;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const all: RequestOptions = {
      ...connection,
      ...(fresh ? { agent: freshAgent } : {}),
      method,
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port === '' ? undefined : server.port,
      path: `${server.pathname.replace(/\/$/, '')}${path}`,
      headers: {
        ...connection.headers,
        accept,
        'accept-encoding': 'gzip',
        'user-agent': 'flotilla',
        ...(payload ? { 'content-type': contentType, 'content-length': payload.length } : {}),
      },
    };
    return await new Promise((resolve, reject) => {
      const outgoing = (server.protocol === 'http:' ? httpRequest : httpsRequest)(all, resolve);
      const end = (): void => void outgoing.destroy(new Error('cancelled'));
      for (const ended of [signal, deadline])
        if (ended.aborted) end();
        else ended.addEventListener('abort', end, { once: true });
      outgoing.once('close', () => {
        for (const ended of [signal, deadline]) ended.removeEventListener('abort', end);
      });
      outgoing.once('error', reject);
      outgoing.end(payload);
    });
  }
}

const isSuccess = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300;

function gunzip(response: IncomingMessage): Readable {
  const body = createGunzip();
  response.once('error', (error) => body.destroy(error));
  body.once('close', () => response.destroy());
  return response.pipe(body);
}

async function readAll(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > answerLimits.length) throw new AnswerTooLong(`an answer of more than ${answerLimits.length} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Kubernetes answers a refused request with a Status object, whose message names verb, resource and user. */
function errorOf(response: IncomingMessage, text: string): KubeError {
  const read = readJsonObject(text, answerLimits);
  const { message, reason } = read.ok ? read.value : {};
  const { statusCode: status = 0, headers } = response;
  const seconds = Number(headers['retry-after'] ?? NaN);
  return new KubeError(
    typeof message === 'string' ? message : `the API server answers ${status} ${response.statusMessage ?? ''}`.trim(),
    {
      status,
      reason: typeof reason === 'string' ? reason : '',
      retryAfterMs: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) * 1000 : undefined,
    },
  );
}
