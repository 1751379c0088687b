import type { Effect, Resource } from '@flotilla/ads';
import { reportTexts, type CollectionKey } from '@flotilla/bus-port';
import { printable } from '@flotilla/std';
import { rejectedResources } from './rejected-resources.ts';

type Send = Extract<Effect, { kind: 'send' }>;
type Verdict = Extract<Effect, { kind: 'acked' | 'rejected' }>;

/** What of a type an answer concerns. */
export interface Scope {
  /** The type's URL. */
  readonly type: string;
  /** Undefined: all of the type. */
  readonly resources?: ReadonlySet<Resource> | undefined;
}
/** What of a response is kept until it is answered. */
interface Sent {
  /** The type's URL. */
  readonly type: string;
  /** Objects that are older than this revision of the World are not new in the response. */
  readonly since: number;
  readonly sent: readonly Resource[];
  readonly removed: readonly string[];
  /** Whether the proxy has nothing else of the type. */
  readonly isWhole: boolean;
  /** Whether the answer concerns what was sent alone, not all of the type. */
  readonly isSome: boolean;
}
/** A response without an answer. */
export class Open implements Scope {
  readonly type: string;
  readonly since: number;
  readonly sent: readonly Resource[];
  readonly removed: readonly string[];
  readonly isWhole: boolean;
  readonly #isSome: boolean;
  #resources: ReadonlySet<Resource> | undefined;

  constructor({ type, since, sent, removed, isWhole, isSome }: Sent) {
    this.type = type;
    this.since = since;
    this.sent = sent;
    this.removed = removed;
    this.isWhole = isWhole;
    this.#isSome = isSome;
  }

  /** Made when it is first looked at: most responses are answered before that. */
  get resources(): ReadonlySet<Resource> | undefined {
    if (this.#isSome) this.#resources ??= new Set(this.sent);
    return this.#resources;
  }
}
/** A part of a response that was rejected, and is not replaced by anything that was acknowledged. */
export interface Rejection extends Scope {
  /** The objects that were new in it, by `idOf`, also if they have changed since then; undefined: all. */
  readonly objects?: ReadonlySet<CollectionKey>;
  readonly error: string;
}

type Rejections = ReadonlyMap<string, Rejection>;
const none: Rejections = new Map();

/** A proxy that acknowledges nothing must not make pilot remember everything that it was sent. */
const maxOpen = 100;
/** Of more resources than this that a proxy rejects by name, it is taken to have rejected all of the type. */
const maxNamed = 1000;

export interface ProxyReportOptions {
  /** Objects of this revision of the World or later, or all, may be reported on differently now. */
  onChange(since: number): void;
  /** Objects that came with this revision or later; undefined: all, or too many. */
  changedSince(revision: number): ReadonlySet<CollectionKey> | undefined;
}

/**
 * What one proxy has answered. It is kept by response and not by resource or object: a response has the objects that
 * changed since the World's revision at which it was due, so those are what its answer is about.
 *
 *   due ──▶ sent, open ──acknowledged──▶ forgotten
 *                      └──rejected────▶ rejection ──(its resources are acknowledged, or gone)──▶ forgotten
 */
export class ProxyReport {
  readonly #options: ProxyReportOptions;
  readonly #open = new Map<string, Open>();
  /** By type, then by the name of a resource; '' for all of the type. */
  readonly #rejections = new Map<string, Map<string, Rejection>>();
  /** The revision of the first change that is not sent yet; a slow proxy gets it later. */
  #due: number | undefined;
  #countedIn = 0;

  constructor(options: ProxyReportOptions) {
    this.#options = options;
  }

  /** The World has changed for the proxy with this revision: what that brings is about to be sent. */
  due(revision: number): void {
    this.#due ??= revision;
  }

  /** Everything that was due is sent. */
  pushed(): void {
    const since = this.#due;
    this.#due = undefined;
    if (since !== undefined) this.#options.onChange(since);
  }

  /**
   * Whether this number is higher than that of every call before. Lets a caller that numbers its objects count each
   * proxy once per object, which is cheaper than keeping a set of proxies.
   */
  isFirstIn(count: number): boolean {
    const isFirst = this.#countedIn !== count;
    this.#countedIn = count;
    return isFirst;
  }

  /** Whether there is nothing but acknowledgements. */
  get isSettled(): boolean {
    return this.#due === undefined && this.#open.size === 0 && this.#rejections.size === 0;
  }

  /** Responses without an answer. */
  get open(): readonly Open[] {
    return [...this.#open.values()];
  }

  /** Whether an object of this revision of the World is new in what is not sent or not answered. */
  isPending(revision: number, concerns: (scope: Scope) => boolean): boolean {
    if (this.unsentSince <= revision) return true;
    for (const open of this.#open.values()) if (open.since <= revision && concerns(open)) return true;
    return false;
  }

  /** Objects of this revision or later have not been sent. */
  get unsentSince(): number {
    return this.#due ?? Infinity;
  }

  *rejections(): Iterable<Rejection> {
    for (const byName of this.#rejections.values()) yield* byName.values();
  }

  note(effect: Effect): void {
    if (effect.kind === 'send') this.#send(effect);
    else if (effect.kind === 'acked' || effect.kind === 'rejected') this.#answer(effect);
    else if (effect.kind === 'subscribed' && effect.dropped.length > 0) this.#options.onChange(0);
  }

  #send({ typeUrl, nonce, resources, removed, isWhole }: Send): void {
    // What a request brings is new to the proxy, however old the objects are.
    const since = this.#due ?? 0;
    const isSome = this.#due === undefined && !isWhole;
    this.#open.set(nonce, new Open({ type: typeUrl, since, sent: resources, removed, isWhole, isSome }));
    for (const oldest of this.#open.keys()) if (this.#open.size > maxOpen) this.#open.delete(oldest);
    this.#options.onChange(since);
  }

  #answer(verdict: Verdict): void {
    const answered = this.#open.get(verdict.nonce);
    if (!answered || answered.type !== verdict.typeUrl) return;
    const hadRejections = this.#rejections.has(answered.type);
    let { since } = answered;
    const earlier: Rejections = verdict.kind === 'rejected' ? new Map(this.#rejections.get(answered.type)) : none;
    // Responses are answered in their order: an earlier one without an answer was taken.
    for (const [nonce, open] of this.#open) {
      if (open.type !== answered.type) continue;
      this.#open.delete(nonce);
      since = Math.min(since, open.since);
      this.#forget(open);
      if (nonce === verdict.nonce) break;
    }
    if (verdict.kind === 'rejected') this.#reject(answered, { error: verdict.error, earlier });
    this.#options.onChange(hadRejections ? 0 : since);
  }

  /** Drops rejections of what a response replaces. */
  #forget({ type, sent, removed, isWhole }: Open): void {
    const byName = this.#rejections.get(type);
    if (!byName) return;
    const replaced = isWhole ? [...byName.keys()] : ['', ...removed, ...sent.map((resource) => resource.name)];
    for (const name of replaced) byName.delete(name);
    if (byName.size === 0) this.#rejections.delete(type);
  }

  #reject(answered: Open, { error, earlier }: { readonly error: string; readonly earlier: Rejections }): void {
    const { type, since, sent, isWhole } = answered;
    const byName = new Map(sent.map((resource) => [resource.name, resource]));
    const rejections = this.#rejections.get(type) ?? new Map<string, Rejection>();
    const changed = this.#options.changedSince(since);
    const add = (name: string, reason: string): void => {
      const resource = byName.get(name);
      const before = earlier.get(name) ?? earlier.get('');
      const objects = isSame(before, resource) ? before?.objects : joined(before, changed);
      rejections.set(name, {
        type,
        ...(resource ? { resources: new Set([resource]) } : {}),
        ...(objects ? { objects } : {}),
        error: printable(reason, reportTexts.characters),
      });
    };
    const named = rejectedResources(error, (name) => byName.has(name));
    if (named.size > 0 && named.size <= maxNamed) for (const [name, reason] of named) add(name, reason);
    else if (isWhole || sent.length > maxNamed) add('', error);
    else for (const { name } of sent) add(name, error);
    this.#rejections.set(type, rejections);
  }
}

/** A resource that was rejected before and is as it was: what has changed since is not in it. */
const isSame = (before: Rejection | undefined, resource: Resource | undefined): boolean =>
  resource !== undefined && [...(before?.resources ?? [])].some(({ version }) => version === resource.version);

/** What was rejected before, and is rejected again, is not in force either. */
const joined = (
  before: Rejection | undefined,
  changed: ReadonlySet<CollectionKey> | undefined,
): ReadonlySet<CollectionKey> | undefined =>
  before === undefined ? changed : before.objects && changed ? new Set([...before.objects, ...changed]) : undefined;
