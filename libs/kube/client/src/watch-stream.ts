import type { Readable } from 'node:stream';
import { KubeError, type KubeObject, type KubeResource, type Selection } from '@flotilla/kube-port';
import type { Clock } from '@flotilla/std';
import { leanObject } from './lean-object.ts';
import { acceptOf, pathOf, queryOf, selectors } from './paths.ts';
import { answerLimits, readAnswer } from './read-answer.ts';
import type { Transport } from './transport.ts';
import { isRecord } from '@flotilla/std';

/** One event of a watch; a bookmark only advances the version. */
export interface WatchLine {
  readonly type: 'found' | 'gone' | 'bookmark';
  readonly object: KubeObject;
  readonly resourceVersion: string;
}

export interface WatchRequest {
  readonly transport: Transport;
  readonly resource: KubeResource;
  readonly version: string;
  readonly selection: Selection;
  /** The watch reports changes after this version. */
  readonly resourceVersion: string;
  /** How long it takes until the API server ends the watch. */
  readonly lifetimeSeconds: number;
  /** How long a watch may be silent, bookmarks included, before it ends because its connection may be dead. */
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Yields an empty list once the API server has accepted the watch, then changes as they arrive, those of one read
 * together (Kubernetes API concepts, "Efficient detection of changes" and "Watch bookmarks"). Ends when the API server
 * ends the watch or is silent for too long. Throws KubeError: 410 when the version is too old, 404 when the kind does
 * not exist.
 */
export async function* watchLines(request: WatchRequest): AsyncIterable<readonly WatchLine[]> {
  const { transport, resource, version, selection, resourceVersion, lifetimeSeconds, silenceMs, clock } = request;
  const query = queryOf({
    watch: 1,
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: lifetimeSeconds,
    ...selectors(selection),
  });
  const body = await transport.sendForStream({
    method: 'GET',
    path: `${pathOf(resource, version, selection)}${query}`,
    accept: acceptOf(selection, ''),
    fresh: true,
    signal: request.signal,
  });
  let cancel = (): void => {};
  let isSilent = false;
  const listen = (): void => {
    cancel();
    cancel = clock.after(silenceMs, () => {
      isSilent = true;
      body.destroy();
    });
  };
  listen();
  try {
    yield [];
    for await (const texts of linesOf(body)) {
      cancel();
      const lines = texts.map(readLine).filter((line) => line !== undefined);
      if (lines.length > 0) yield lines;
      listen();
    }
  } catch (thrown) {
    if (!isSilent) throw thrown;
  } finally {
    cancel();
    body.destroy();
  }
}

/** The lines that each chunk completes, as text. Throws KubeError for a line beyond the limit. */
async function* linesOf(body: Readable): AsyncIterable<readonly string[]> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      lines.push(Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8'));
      rest = [];
      length = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > answerLimits.length) throw new KubeError(`a watch event of more than ${answerLimits.length} bytes`);
    }
    if (lines.length > 0) yield lines;
  }
}

/** Undefined for a blank line and for an object without a name. Throws KubeError for an event that reports an error. */
function readLine(text: string): WatchLine | undefined {
  if (text.trim() === '') return undefined;
  const read = readAnswer(text);
  if (!read.ok) throw new KubeError(`a watch event is not valid: ${read.error.message}`);
  const { type, object } = read.value;
  if (!isRecord(object)) throw new KubeError('a watch event has no object');
  if (type === 'ERROR') throw errorOf(object);
  const { apiVersion, kind, metadata } = object;
  const resourceVersion = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof resourceVersion !== 'string')
    throw new KubeError('a watch event has an object without kind or resourceVersion');
  if (type === 'BOOKMARK') {
    const bookmark = { apiVersion, kind, metadata: { name: '', resourceVersion } };
    return { type: 'bookmark', object: bookmark, resourceVersion };
  }
  const lean = leanObject(object, { apiVersion, kind });
  return lean && { type: type === 'DELETED' ? 'gone' : 'found', object: lean, resourceVersion };
}

function errorOf({ code, reason, message }: Readonly<Record<string, unknown>>): KubeError {
  return new KubeError(typeof message === 'string' ? message : 'the API server ended the watch', {
    status: typeof code === 'number' ? code : 0,
    reason: typeof reason === 'string' ? reason : '',
  });
}
