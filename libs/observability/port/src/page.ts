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
/** Who requests a page. */
export interface PageCaller {
  /** The address that the connection comes from; headers that claim another one do not count. */
  readonly address: string;
  /** The bearer token of the request. */
  readonly token: string | undefined;
}
/** Resolves with what a caller gets instead of a page that it may not see; undefined when it may see it. */
export type PageGuard = (caller: PageCaller) => Promise<PageAnswer | undefined>;
export interface Page {
  /** One line for the list of pages. */
  readonly summary: string;
  /**
   * Decides who may see it besides callers on the same machine or in the same pod (Istio's debug interface). Without
   * it, everybody may.
   */
  readonly guard?: PageGuard;
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
