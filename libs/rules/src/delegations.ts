/** The part of a match that decides how long it takes to compare it with another. */
interface Match {
  readonly headers?: object | undefined;
  readonly withoutHeaders?: object | undefined;
  readonly queryParams?: object | undefined;
  readonly sourceLabels?: object | undefined;
}
interface Route {
  readonly match?: readonly Match[] | undefined;
}

/** What the delegates of one VirtualService may add up to: routes of Envoy, and comparisons of two conditions. */
export const delegationLimits = { routes: 10_000, comparisons: 1_000_000 } as const;

/**
 * Counts what delegates add to a VirtualService: the product of its routes and theirs, and of their matches. Two files
 * of a few hundred kilobytes could make 100 million routes.
 */
export class Delegations {
  #routes = 0;
  #comparisons = 0;
  #isFull = false;

  /** Whether there is room for the routes of a delegate under a route. Once there is none, there is no more. */
  take({ match: outer = [] }: Route, delegate: readonly Route[]): boolean {
    for (const { match: inner = [] } of delegate) {
      if (this.#isFull) break;
      this.#routes += inner.length || outer.length || 1;
      this.#comparisons += Math.max(outer.length, 1) * inner.reduce((sum, match) => sum + conditionsOf(match), 0);
      this.#isFull = this.#routes > delegationLimits.routes || this.#comparisons > delegationLimits.comparisons;
    }
    return !this.#isFull;
  }
}

const conditionsOf = ({ headers = {}, withoutHeaders = {}, queryParams = {}, sourceLabels = {} }: Match): number =>
  [headers, withoutHeaders, queryParams, sourceLabels].reduce((sum, map) => sum + Object.keys(map).length, 1);
