import {
  defaultInstallation,
  describeOrigin,
  type Installation,
  type LocatedProblem,
  type ObjectFound,
  type ObjectId,
  type Scope,
  type SourceEvent,
} from '@flotilla/model';
import { Claim, RankedClaims, type ClaimOptions } from './claim.ts';
import { textOfId } from './object-id.ts';
import type { ReadingObject } from './read-object.ts';

/** What is known of a source before it runs. */
export interface SourceInfo {
  readonly name: string;
  readonly scopes: readonly Scope[];
}
export interface RawOptions {
  /** In the order of their ranks: of an object in two sources, the first source's is in force. */
  readonly sources: readonly SourceInfo[];
  readonly reading?: ReadingObject;
  /** Where galley runs: decides what mesh configuration leaves out. Istio's defaults without it. */
  readonly installation?: Installation;
}
/** What a step touched. */
export interface Touched {
  readonly objects: Map<string, ObjectId>;
  /** Whose problems are others now. */
  readonly claims: Set<Claim>;
  readonly places: Set<string>;
}

export const nothingTouched = (): Touched => ({ objects: new Map(), claims: new Set(), places: new Set() });

interface ScopeState {
  readonly claims: Set<Claim>;
  /** What the list that is being read has not contained so far; undefined when none is. */
  unconfirmed: Set<Claim> | undefined;
}
interface SourceState extends SourceInfo {
  readonly rank: number;
  readonly byScope: Map<string, ScopeState>;
  readonly problems: Map<string, readonly LocatedProblem[]>;
  /** Places with problems that this run has not reported so far. */
  unconfirmedPlaces: Set<string>;
}
const textOfScope = ({ cluster, collection }: Scope): string => `${cluster}|${collection}`;

/**
 * All objects of all sources, before anything is computed of them: for each its last good version, and which source
 * and place has it in force. What a list of a source does not contain any more is gone when the list is whole.
 */
export class RawObjects {
  readonly claims = new RankedClaims();
  readonly #sources: ReadonlyMap<string, SourceState>;
  readonly #options: ClaimOptions;

  constructor({ sources, reading = (_object, read) => read(), installation = defaultInstallation }: RawOptions) {
    this.#options = { reading, installation };
    this.#sources = new Map(
      sources.map((info, rank): [string, SourceState] => [
        info.name,
        {
          ...info,
          rank,
          problems: new Map(),
          unconfirmedPlaces: new Set(),
          byScope: new Map(
            info.scopes.map((scope) => [textOfScope(scope), { claims: new Set(), unconfirmed: new Set() }]),
          ),
        },
      ]),
    );
  }

  /** A run of the source begins: what it does not contain again is gone when its scopes are synced. */
  begin(source: string): void {
    const state = this.#source(source);
    for (const scope of state.byScope.values()) scope.unconfirmed = new Set(scope.claims);
    state.unconfirmedPlaces = new Set(state.problems.keys());
  }

  /** Whether the whole state of every scope of the source is known. */
  isSynced(source: string): boolean {
    return [...this.#source(source).byScope.values()].every(({ unconfirmed }) => unconfirmed === undefined);
  }

  /** What can't be said of an object, by the source's places. */
  problemsAt(source: string, place: string): readonly LocatedProblem[] {
    return this.#source(source).problems.get(place) ?? [];
  }

  apply(source: string, event: SourceEvent, touched: Touched): void {
    const state = this.#source(source);
    switch (event.type) {
      case 'object':
        return this.#take(state, event, touched);
      case 'kept':
      case 'gone': {
        const claim = this.claims.find(textOfId(event), { rank: state.rank, place: event.place ?? '' });
        if (claim && event.type === 'gone') this.#remove(state, claim, touched);
        else if (claim) scopeOf(state, claim.id).unconfirmed?.delete(claim);
        return;
      }
      case 'relist': {
        const scope = scopeOf(state, event);
        scope.unconfirmed = new Set(scope.claims);
        return;
      }
      case 'synced': {
        const scope = scopeOf(state, event);
        for (const claim of scope.unconfirmed ?? []) this.#remove(state, claim, touched);
        scope.unconfirmed = undefined;
        if (!this.isSynced(source)) return;
        for (const place of state.unconfirmedPlaces) this.#setProblems(state, { place, problems: [] }, touched);
        return;
      }
      case 'problems':
        return this.#setProblems(state, event, touched);
      case 'away':
      case 'back':
        return;
    }
  }

  #take(state: SourceState, found: ObjectFound, { objects, claims }: Touched): void {
    const id = textOfId(found);
    const scope = scopeOf(state, found);
    let claim = this.claims.find(id, { rank: state.rank, place: found.place ?? '' });
    if (!claim) {
      claim = new Claim({ source: state.name, rank: state.rank, found });
      this.claims.add(claim);
      scope.claims.add(claim);
    }
    scope.unconfirmed?.delete(claim);
    claim.take(found, describeOrigin(found.origin), this.#options);
    claims.add(claim);
    objects.set(id, claim.id);
  }

  #remove(state: SourceState, claim: Claim, { objects, claims }: Touched): void {
    const scope = scopeOf(state, claim.id);
    this.claims.delete(claim);
    scope.claims.delete(claim);
    scope.unconfirmed?.delete(claim);
    claims.add(claim);
    objects.set(textOfId(claim.id), claim.id);
  }

  #setProblems(
    state: SourceState,
    { place, problems }: { readonly place: string; readonly problems: readonly LocatedProblem[] },
    { places }: Touched,
  ): void {
    state.unconfirmedPlaces.delete(place);
    if (problems.length > 0) state.problems.set(place, problems);
    else if (!state.problems.delete(place)) return;
    places.add(place);
  }

  #source(name: string): SourceState {
    const found = this.#sources.get(name);
    if (!found) throw new Error(`unknown source ${name}`);
    return found;
  }
}

function scopeOf({ name, byScope }: SourceState, scope: Scope): ScopeState {
  const found = byScope.get(textOfScope(scope));
  if (!found) throw new Error(`source ${name} has not declared ${scope.collection} of cluster ${scope.cluster}`);
  return found;
}
