import { createGalleyStore, type Check, type Converter, type Derived, type View } from '@flotilla/galley-analysis';
import {
  asWarning,
  buildProblem,
  type AnyResource,
  type Installation,
  type ObjectId,
  type Problem,
} from '@flotilla/model';
import { Engine, Subject, type Change, type Query, type QueryKey, type Watch } from '@flotilla/query';
import { deepEqual, err, messageOf, ok, type Result } from '@flotilla/std';
import { idOfResource, textOfId } from './object-id.ts';

/** An object as it is in force now; without `resource` it is gone. */
export interface InForce {
  readonly id: ObjectId;
  readonly resource: AnyResource | undefined;
}
/** What is another now. */
export interface DerivedChanges {
  /** Resources that converters make, by their ids as text. */
  readonly derived: ReadonlyMap<string, ObjectId>;
  /** Objects of which checks say something else. */
  readonly checked: ReadonlyMap<string, ObjectId>;
}

export interface DerivationOptions {
  readonly checks: readonly Check[];
  readonly converters: readonly Converter[];
  readonly installation: Installation;
}

/** Nothing that galley computes depends on who reads it. */
const nobody = new Subject({});

interface CheckWatch {
  readonly type: 'check';
  readonly watch: Watch;
  readonly check: Check;
  readonly id: ObjectId;
}
interface MembersWatch {
  readonly type: 'members';
  readonly watch: Watch;
  readonly converter: Converter;
  readonly converted: Map<QueryKey, ConvertWatch>;
}
interface ConvertWatch {
  readonly type: 'convert';
  readonly watch: Watch;
  readonly converter: Converter;
  readonly member: QueryKey;
  /** By the text of their ids. */
  made: ReadonlyMap<string, Derived>;
}
type Watched = CheckWatch | MembersWatch | ConvertWatch;

/**
 * Everything that follows from the objects in force: resources that converters make of them, and what checks say of
 * each. Both are tracked queries, so a change costs what reads what it touches.
 */
export class Derivation {
  readonly engine: Engine;
  readonly #checks: readonly Check[];
  readonly #byWatch = new Map<Watch, Watched>();
  readonly #checksById = new Map<string, readonly CheckWatch[]>();
  readonly #problems = new Map<string, Map<Check, readonly Problem[]>>();
  /** What makes each derived resource: most have one. */
  readonly #makers = new Map<string, Set<ConvertWatch>>();

  constructor({ checks, converters, installation }: DerivationOptions) {
    this.engine = new Engine(createGalleyStore(installation));
    this.#checks = checks;
    for (const converter of converters) {
      const watch = this.#watch(converter.members, '');
      this.#byWatch.set(watch, { type: 'members', watch, converter, converted: new Map() });
    }
  }

  /** What checks say of an object, in the order of the checks. */
  problemsOf(id: string): readonly Problem[] {
    const found = this.#problems.get(id);
    return found ? this.#checks.flatMap((check) => found.get(check) ?? []) : [];
  }

  /** A resource that converters make; of several with one id that of the first owner. */
  derived(id: string): Derived | undefined {
    const made = [...(this.#makers.get(id) ?? [])].flatMap((maker) => maker.made.get(id) ?? []);
    return made.reduce<Derived | undefined>(
      (first, one) => (first && textOfId(first.owner) <= textOfId(one.owner) ? first : one),
      undefined,
    );
  }

  /** Takes changes of what is in force, and of what else queries read, as one step. */
  apply(objects: readonly InForce[], others: readonly Change[] = []): DerivedChanges {
    const derived = new Map<string, ObjectId>();
    const checked = new Map<string, ObjectId>();
    const changed = new Set(
      this.engine.apply([
        ...objects.map(({ id, resource }) => ({ collection: id.collection, key: id.key, value: resource })),
        ...others,
      ]),
    );
    for (const { id, resource } of objects) {
      if (resource === undefined) this.#leave(id, checked);
      else for (const watch of this.#meet(id)) changed.add(watch);
    }
    // Converters first: what they name is watched before it is read.
    for (const watch of changed) {
      const watched = this.#byWatch.get(watch);
      if (watched?.type === 'members') for (const one of this.#update(watched, derived)) changed.add(one);
    }
    for (const watch of changed) {
      const watched = this.#byWatch.get(watch);
      if (watched?.type === 'check') this.#check(watched, checked);
      else if (watched?.type === 'convert') this.#convert(watched, derived);
    }
    this.engine.collect();
    return { derived, checked };
  }

  #watch<K extends QueryKey, R>(query: Query<K, R, View>, key: K): Watch {
    return this.engine.watch(query as unknown as Query<K, R>, key, nobody);
  }

  /** What a query gives; one that throws has a bug, which costs this key and nothing else. */
  #read<K extends QueryKey, R>(query: Query<K, R, View>, key: K): Result<R, Problem> {
    try {
      return ok(this.engine.read(query as unknown as Query<K, R>, key, nobody));
    } catch (thrown) {
      return err(buildProblem('InternalError', { detail: `${query.name}: ${messageOf(thrown)}` }));
    }
  }

  /** Watches for an object that was not there. */
  #meet(id: ObjectId): readonly Watch[] {
    const text = textOfId(id);
    if (this.#checksById.has(text)) return [];
    const watched = this.#checks
      .filter(({ collection }) => collection === id.collection)
      .map((check): CheckWatch => {
        const watch = this.#watch(check.query, id.key);
        return { type: 'check', watch, check, id };
      });
    if (watched.length === 0) return [];
    for (const one of watched) this.#byWatch.set(one.watch, one);
    this.#checksById.set(text, watched);
    return watched.map(({ watch }) => watch);
  }

  #leave(id: ObjectId, checked: Map<string, ObjectId>): void {
    const text = textOfId(id);
    for (const { watch } of this.#checksById.get(text) ?? []) this.#unwatch(watch);
    this.#checksById.delete(text);
    if (this.#problems.delete(text)) checked.set(text, id);
  }

  #unwatch(watch: Watch): void {
    this.engine.unwatch(watch);
    this.#byWatch.delete(watch);
  }

  #check({ check, id }: CheckWatch, checked: Map<string, ObjectId>): void {
    const text = textOfId(id);
    const result = this.#read(check.query, id.key);
    const found = (result.ok ? result.value : [result.error]).map(asWarning);
    const before = this.#problems.get(text);
    if (found.length > 0) this.#problems.set(text, (before ?? new Map<Check, readonly Problem[]>()).set(check, found));
    else if (!before?.delete(check)) return;
    else if (before.size === 0) this.#problems.delete(text);
    checked.set(text, id);
  }

  /** Brings the watches of what a converter names in line; returns the new ones. */
  #update({ converter, converted }: MembersWatch, derived: Map<string, ObjectId>): readonly Watch[] {
    const result = this.#read(converter.members, '');
    // A naming query that fails leaves what there is.
    if (!result.ok) return [];
    const named = new Set(result.value);
    for (const [member, watched] of converted) {
      if (named.has(member)) continue;
      this.#unwatch(watched.watch);
      converted.delete(member);
      this.#setMade(watched, new Map(), derived);
    }
    return result.value.flatMap((member) => {
      if (converted.has(member)) return [];
      const watch = this.#watch(converter.convert, member);
      const watched: ConvertWatch = { type: 'convert', watch, converter, member, made: new Map() };
      converted.set(member, watched);
      this.#byWatch.set(watch, watched);
      return [watch];
    });
  }

  /** A conversion that fails leaves what it made last. */
  #convert(watched: ConvertWatch, derived: Map<string, ObjectId>): void {
    const result = this.#read(watched.converter.convert, watched.member);
    if (!result.ok) return;
    const made = result.value.map((one) => [textOfId(idOfResource(one.resource)), one] as const);
    this.#setMade(watched, new Map(made), derived);
  }

  #setMade(watched: ConvertWatch, made: ReadonlyMap<string, Derived>, derived: Map<string, ObjectId>): void {
    const before = watched.made;
    watched.made = made;
    for (const [text, { resource }] of [...before, ...made]) {
      if (deepEqual(before.get(text), made.get(text))) continue;
      derived.set(text, idOfResource(resource));
      const makers = this.#makers.get(text) ?? new Set();
      if (made.has(text)) makers.add(watched);
      else makers.delete(watched);
      if (makers.size > 0) this.#makers.set(text, makers);
      else this.#makers.delete(text);
    }
  }
}
