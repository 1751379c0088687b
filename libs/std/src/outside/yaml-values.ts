import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';
import { overLimit, Refusal, type YamlLimits } from './read-limits.ts';
import { setMember } from './members.ts';

export interface ValuesOptions {
  readonly limits: YamlLimits;
  /** Nodes from aliases so far; shared by the documents of one text. */
  readonly expanded: { count: number };
  /** Refuses the text, at a node. */
  readonly refuse: (message: string, node: Node) => never;
  readonly lineOf: (node: Node) => number;
}
interface Anchored {
  readonly value: unknown;
  readonly size: number;
}
type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The value of a composed document, in time linear in its nodes and in those that aliases stand for. The depth is
 * limited before. Throws a Refusal for a duplicate key or a key that is not a scalar, an unknown or circular alias, and
 * for too many nodes.
 */
export function valueOf(root: Node | null, options: ValuesOptions): unknown {
  return root === null ? null : new Values(options).of(root);
}

class Values {
  readonly #options: ValuesOptions;
  readonly #anchors = new Map<string, Anchored | 'open'>();
  #size = 0;

  constructor(options: ValuesOptions) {
    this.#options = options;
  }

  of(node: Node | null): unknown {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node.source, node);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor === undefined) return this.#plain(node);
    this.#anchors.set(anchor, 'open');
    const before = this.#size;
    const value = this.#plain(node);
    this.#anchors.set(anchor, { value, size: this.#size - before });
    return value;
  }

  #plain(node: Node): unknown {
    this.#size += 1;
    if (isScalar(node)) return node.value;
    if (isMap(node)) return this.#mapping(node);
    return isSeq(node) ? node.items.map((item) => this.of(item as Node | null)) : null;
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

  #mapping({ items }: YAMLMap): Plain {
    const { limits, refuse, lineOf } = this.#options;
    const mapping: Plain = {};
    const given = new Set<string>();
    for (const { key, value } of items as { key: Node; value: Node | null }[]) {
      if (isMergeKey(key)) {
        this.#merge(mapping, this.of(value), value ?? key);
        continue;
      }
      const name = this.#keyOf(key);
      if (given.has(name)) refuse(`Map keys must be unique: ${name.slice(0, 100)} is given twice`, key);
      given.add(name);
      if (given.size > limits.keysPerMapping)
        throw new Refusal(overLimit('keysPerMapping', limits.keysPerMapping, lineOf(key)));
      setMember(mapping, name, this.of(value));
    }
    return mapping;
  }

  #keyOf(node: Node): string {
    const value = this.of(node);
    if (value !== null && typeof value !== 'object') return String(value);
    return this.#options.refuse(`a key must be text, but this is ${value === null ? 'empty' : 'a collection'}`, node);
  }

  /** A merge key adds what its mapping has not (yaml.org/type/merge.html). */
  #merge(mapping: Plain, source: unknown, node: Node): void {
    for (const one of Array.isArray(source) ? (source as unknown[]) : [source]) {
      if (!isPlain(one)) return this.#options.refuse('the value of << must be a mapping or a list of mappings', node);
      const keys = Object.keys(one);
      this.#expand(keys.length, node);
      for (const key of keys) if (!Object.hasOwn(mapping, key)) setMember(mapping, key, one[key]);
    }
  }
}

const isMergeKey = (key: Node): key is Scalar => isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
