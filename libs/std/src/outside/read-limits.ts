/** What a JSON text from outside may hold. */
export interface JsonLimits {
  /** Characters of the whole text; where bytes are read, its bytes. */
  readonly length: number;
  /** Mappings and lists within each other. */
  readonly depth: number;
  /** Mappings, lists, scalars and members. */
  readonly nodes: number;
  /** Keys of all mappings together. */
  readonly keys: number;
  /** Characters of one scalar, quotes and escapes included. */
  readonly scalarLength: number;
}

/** What a YAML text from outside may hold; all but `length`, `lines` and `documents` are per document. */
export interface YamlLimits extends JsonLimits {
  readonly documents: number;
  /** Of the whole text. */
  readonly lines: number;
  readonly keysPerMapping: number;
  /** Smallest pieces of the syntax, blanks and comments included. */
  readonly tokens: number;
  readonly anchors: number;
  readonly aliases: number;
  /** Nodes that aliases and merge keys add, in all documents together. */
  readonly expandedNodes: number;
  readonly tags: number;
  /** Lines that begin with `%`. */
  readonly directives: number;
  /** Keys written with `?`. */
  readonly explicitKeys: number;
}

/** For files of resources. etcd takes no object of more than 1.5 MiB; a file may be a List of several. */
export const documentLimits: YamlLimits = {
  length: 4 << 20,
  lines: 400_000,
  documents: 20_000,
  depth: 100,
  nodes: 1_000_000,
  keys: 300_000,
  keysPerMapping: 50_000,
  scalarLength: 3 << 19,
  tokens: 1_200_000,
  anchors: 1000,
  aliases: 10_000,
  expandedNodes: 200_000,
  tags: 1000,
  directives: 16,
  explicitKeys: 1000,
};

/**
 * For annotations and values within an object: all annotations of one have at most 256 KiB (Kubernetes,
 * TotalAnnotationSizeLimitB).
 */
export const annotationLimits: YamlLimits = {
  ...documentLimits,
  length: 256 << 10,
  documents: 2,
  depth: 50,
  nodes: 20_000,
  keys: 5000,
  keysPerMapping: 2000,
  scalarLength: 256 << 10,
  tokens: 50_000,
  anchors: 100,
  aliases: 200,
  expandedNodes: 5000,
  tags: 100,
  explicitKeys: 100,
};

/** For the configuration of a mesh, an installation or a program: a ConfigMap has at most 1 MiB (Kubernetes). */
export const configLimits: YamlLimits = {
  ...annotationLimits,
  length: 1 << 20,
  scalarLength: 1 << 20,
  nodes: 100_000,
  keys: 20_000,
  keysPerMapping: 10_000,
  tokens: 200_000,
};

/** Why a text from outside is refused. */
export interface ReadProblem {
  readonly code: 'yaml-syntax' | 'json-syntax' | 'over-limit';
  /** What is wrong, where, and what to do. */
  readonly message: string;
  /** The limit that was exceeded. */
  readonly limit?: keyof YamlLimits;
  /** From 1. */
  readonly line?: number;
}

const words: Readonly<Record<keyof YamlLimits, readonly [what: string, advice: string]>> = {
  length: ['characters', 'shorten or split it'],
  lines: ['lines', 'split it'],
  documents: ['documents', 'split it into several files'],
  depth: ['levels of nesting', 'nest it less deeply'],
  nodes: ['nodes', 'split it'],
  keys: ['keys in one document', 'split it'],
  keysPerMapping: ['keys in one mapping', 'split it'],
  scalarLength: ['characters in one scalar', 'shorten it'],
  tokens: ['tokens', 'split it or remove comments'],
  anchors: ['anchors', 'write values out'],
  aliases: ['aliases', 'write values out'],
  expandedNodes: ['nodes from aliases', 'write values out'],
  tags: ['tags', 'remove them'],
  directives: ['directives', 'remove them'],
  explicitKeys: ['keys that are written with ?', 'write them as key: value'],
};

/** The problem of a text with more than a limit allows, seen at a line. */
export function overLimit(limit: keyof YamlLimits, maximum: number, line?: number): ReadProblem {
  const [unit, advice] = words[limit];
  const place = line === undefined ? '' : ` at line ${line}`;
  return {
    code: 'over-limit',
    limit,
    ...(line === undefined ? {} : { line }),
    message: `more than ${maximum} ${unit}${place}: ${advice}`,
  };
}

/** Ends reading from any depth; caught by the reader that threw it. */
export class Refusal extends Error {
  readonly problem: ReadProblem;

  constructor(problem: ReadProblem) {
    super(problem.message);
    this.problem = problem;
  }
}
