import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';
import { isRecord } from '../record.ts';
import { overLimit, Refusal, type YamlLimits } from './read-limits.ts';
import { setMember } from './members.ts';
import { rootPath, stepInto, type PositionRecorder } from './positions.ts';

export interface ValuesOptions {
  readonly limits: YamlLimits;
  /** Nodes from aliases so far; shared by the documents of one text. */
  readonly expanded: { count: number };
  /** Refuses the text, at a node. */
  readonly refuse: (message: string, node: Node) => never;
  readonly lineOf: (node: Node) => number;
  /** Records the place of each value. */
  readonly positions?: PositionRecorder | undefined;
}
interface Anchored {
  readonly value: unknown;
  readonly size: number;
}
type Plain = Record<string, unknown>;

/**
 * The value of a composed document, in time linear in its nodes and in those that aliases refer to. The depth is
 * limited before. Throws a Refusal for a duplicate key or a key that is not a scalar, an unknown or circular alias, a
 * lone surrogate, and for too many nodes.
 */
export function valueOf(root: Node | null, options: ValuesOptions): unknown {
  if (root === null) return null;
  options.positions?.record(rootPath, startOf(root));
  return new Values(options).read(root, rootPath);
}

class Values {
  readonly #options: ValuesOptions;
  readonly #anchors = new Map<string, Anchored | 'open'>();
  #size = 0;

  constructor(options: ValuesOptions) {
    this.#options = options;
  }

  /** `path` is that of the node, as `stepInto` makes it. What an alias refers to has the path of its anchor. */
  read(node: Node | null, path: number): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node.source, node);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor === undefined) return this.#plain(node, path);
    this.#anchors.set(anchor, 'open');
    const before = this.#size;
    const value = this.#plain(node, path);
    this.#anchors.set(anchor, { value, size: this.#size - before });
    return value;
  }

  #plain(node: Node, path: number): unknown {
    this.#size += 1;
    if (isScalar(node)) return this.#scalar(node);
    if (isMap(node)) return this.#mapping(node, path);
    return isSeq(node) ? node.items.map((item, i) => this.#child(item as Node | null, { path, segment: i })) : null;
  }

  /** Go's YAML reader refuses half a character, too: nothing can encode it as UTF-8. */
  #scalar(node: Scalar): unknown {
    if (typeof node.value === 'string' && !node.value.isWellFormed())
      return this.#options.refuse('a surrogate without its pair: write the character itself', node);
    return node.value;
  }

  /** A value within another; `key` identifies a member of a mapping. */
  #child(
    node: Node | null,
    {
      path,
      segment,
      key = node,
    }: { readonly path: number; readonly segment: string | number; readonly key?: Node | null },
  ): unknown {
    const { positions } = this.#options;
    if (!positions) return this.read(node, path);
    const inner = stepInto(path, segment);
    if (key) positions.record(inner, startOf(key));
    return this.read(node, inner);
  }

  #alias(name: string, node: Node): unknown {
    const found = this.#anchors.get(name);
    if (found === undefined) return this.#options.refuse(`the alias *${name} has no anchor before it`, node);
    if (found === 'open') return this.#options.refuse(`the anchor &${name} contains itself`, node);
    this.#expand(found.size, node);
    return found.value;
  }

  #expand(count: number, node: Node): void {
    const { expanded, limits, lineOf } = this.#options;
    this.#size += count;
    expanded.count += count;
    if (expanded.count > limits.expandedNodes)
      throw new Refusal(overLimit('expandedNodes', limits.expandedNodes, lineOf(node)));
  }

  #mapping({ items }: YAMLMap, path: number): Plain {
    const { limits, refuse, lineOf } = this.#options;
    const mapping: Plain = {};
    const given = new Set<string>();
    for (const { key, value } of items as { key: Node; value: Node | null }[]) {
      if (isMergeKey(key)) {
        this.#merge(mapping, this.read(value, mergedPath), value ?? key);
        continue;
      }
      const name = this.#keyOf(key);
      if (given.has(name)) refuse(`Map keys must be unique: ${name.slice(0, 100)} is given twice`, key);
      given.add(name);
      if (given.size > limits.keysPerMapping)
        throw new Refusal(overLimit('keysPerMapping', limits.keysPerMapping, lineOf(key)));
      setMember(mapping, name, this.#child(value, { path, segment: name, key }));
    }
    return mapping;
  }

  #keyOf(node: Node): string {
    const value = this.read(node, keyPath);
    if (value !== null && typeof value !== 'object') return String(value);
    return this.#options.refuse(`a key must be text, but this is ${value === null ? 'empty' : 'a collection'}`, node);
  }

  /** A merge key adds what its mapping has not (yaml.org/type/merge.html). */
  #merge(mapping: Plain, source: unknown, node: Node): void {
    for (const one of Array.isArray(source) ? (source as unknown[]) : [source]) {
      if (!isRecord(one)) return this.#options.refuse('the value of << must be a mapping or a list of mappings', node);
      const keys = Object.keys(one);
      this.#expand(keys.length, node);
      for (const key of keys) if (!Object.hasOwn(mapping, key)) setMember(mapping, key, one[key]);
    }
  }
}

/** Keys, and values that are merged into others, are not at any path of their own. */
const [keyPath, mergedPath] = [-1, -2];
const startOf = (node: Node): number => node.range?.[0] ?? 0;
const isMergeKey = (key: Node): key is Scalar => isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
