/** A request for a page of a service's monitoring port. */
export interface PageRequest {
  readonly query: URLSearchParams;
  /** Whether the caller requests JSON, by `?json` or in the Accept header. */
  readonly wantsJson: boolean;
}
export interface PageAnswer {
  /** 200 by default. */
  readonly status?: number;
  readonly contentType: string;
  readonly text: string;
}
export interface Page {
  /** One line for the list of pages. */
  readonly summary: string;
  /** Served only to callers on the same machine or in the same pod, as Istio's debug interface is. */
  readonly isGuarded?: boolean;
  answer(request: PageRequest): PageAnswer | Promise<PageAnswer>;
}
/** Pages by path. */
export type Pages = Readonly<Record<string, Page>>;

/** An answer as indented JSON. */
export const jsonAnswer = (value: unknown): PageAnswer => ({
  contentType: 'application/json',
  text: `${JSON.stringify(value, null, 2)}\n`,
});

/** An answer as lines of text for people. */
export const textAnswer = (lines: readonly string[], status = 200): PageAnswer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  text: `${lines.join('\n')}\n`,
});
