import type { Span } from '../traces.ts';

export interface ChangeReportOptions {
  /** The user's name for a path that galley reads; undefined for files that are not the user's. */
  nameOf(path: string): string | undefined;
  say(line: string): void;
}
interface Open {
  readonly name: string;
  readonly readAt: number;
}

/**
 * Reports when the change of a file is in force: once every Envoy that got a response because of it has acknowledged
 * it. Takes the spans of all services in order of arrival.
 */
export class ChangeReport {
  readonly #options: ChangeReportOptions;
  /** Changes that are not in force yet, by trace, with their spans. */
  readonly #open = new Map<string, Open & { readonly spans: Span[] }>();
  /** Spans that arrived before the span that begins their change. */
  readonly #early = new Map<string, Span[]>();

  constructor(options: ChangeReportOptions) {
    this.#options = options;
  }

  take(span: Span): void {
    const { traceId, name, start, attributes } = span;
    if (name === 'galley.read') {
      const file = this.#options.nameOf(String(attributes['path'] ?? ''));
      if (file === undefined) this.#early.delete(traceId);
      else this.#open.set(traceId, { name: file, readAt: start, spans: this.#early.get(traceId) ?? [] });
    }
    const open = this.#open.get(traceId);
    if (!open) return this.#keep(span);
    this.#early.delete(traceId);
    open.spans.push(span);
    const proxies = envoysIn(open.spans);
    if (proxies === undefined) return;
    this.#open.delete(traceId);
    this.#options.say(`  ${open.name}: ${describe(proxies, open.readAt)}`);
  }

  /** Keeps only the latest traces, because spans about files that are not the user's arrive too. */
  #keep(span: Span): void {
    if (span.name === 'galley.read') return;
    const spans = this.#early.get(span.traceId) ?? [];
    spans.push(span);
    this.#early.set(span.traceId, spans);
    for (const traceId of this.#early.keys()) if (this.#early.size > maxEarly) this.#early.delete(traceId);
  }
}

const maxEarly = 100;

/** When each Envoy acknowledged, once every Envoy that the change concerns has done so; undefined until then. */
function envoysIn(spans: readonly Span[]): ReadonlyMap<string, number> | undefined {
  const queries = spans.find(({ name }) => name === 'pilot.queries');
  const pushes = spans.filter(({ name }) => name === 'pilot.push');
  const acknowledged = new Map<string, number>();
  for (const { attributes, end } of pushes) {
    const proxy = String(attributes['proxy']);
    acknowledged.set(proxy, Math.max(acknowledged.get(proxy) ?? 0, end));
  }
  return queries && acknowledged.size >= Number(queries.attributes['proxies']) ? acknowledged : undefined;
}

function describe(acknowledged: ReadonlyMap<string, number>, readAt: number): string {
  if (acknowledged.size === 0) return 'applied; it changes nothing for any Envoy';
  const last = Math.max(...acknowledged.values()) - readAt;
  const who =
    acknowledged.size === 1 ? 'the one Envoy that it concerns' : `all ${acknowledged.size} Envoys that it concerns`;
  return `in force at ${who} after ${last.toFixed(0)} ms`;
}
