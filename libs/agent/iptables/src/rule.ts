/** One rule for one or both families. Position 0 appends; others insert. */
export interface Rule {
  readonly table: 'nat' | 'mangle' | 'raw';
  readonly chain: string;
  readonly position: number;
  readonly params: readonly string[];
  readonly family: 'v4' | 'v6' | 'both';
}

const builtIn = new Set(['INPUT', 'OUTPUT', 'FORWARD', 'PREROUTING', 'POSTROUTING']);

/** What a rule is about, as its log line names it when trace logging is on. */
export type RuleTopic =
  | 'JumpInbound'
  | 'JumpOutbound'
  | 'ExcludeInboundPort'
  | 'IncludeInboundPort'
  | 'InboundCapture'
  | 'KubevirtCommand'
  | 'ExcludeInterfaceCommand';

export interface RuleOptions {
  readonly position?: number;
  readonly family?: Rule['family'];
  readonly topic?: RuleTopic;
}

/**
 * An ordered list of rules; with trace logging, each rule that has a topic comes with one that logs what it matches.
 */
export class RuleList {
  readonly rules: Rule[] = [];
  readonly #traceLogging: boolean;

  constructor(traceLogging: boolean) {
    this.#traceLogging = traceLogging;
  }

  /** Adds `params` (one text, blanks between words) to `table`'s `chain`, given as "nat OUTPUT". */
  add(
    place: `${Rule['table']} ${string}`,
    params: string,
    { position = 0, family = 'both', topic }: RuleOptions = {},
  ): void {
    const [table, chain] = place.split(' ') as [Rule['table'], string];
    const rule: Rule = { table, chain, position, params: params.split(' '), family };
    if (!this.#traceLogging || !topic) {
      this.rules.push(rule);
      return;
    }
    const match = rule.params.slice(0, rule.params.indexOf('-j'));
    const log: Rule = {
      ...rule,
      params: [...match, '-j', 'NFLOG', '--nflog-prefix', `"${topic}"`, '--nflog-group', '1337', '--nflog-size', '20'],
    };
    this.rules.push(...(position > 0 ? [rule, log] : [log, rule]));
  }

  /** Adds a rule that names an address of its family. */
  addPerFamily(
    place: `${Rule['table']} ${string}`,
    params: (addresses: FamilyAddresses) => string,
    options: RuleOptions = {},
  ): void {
    this.add(place, params(v4Addresses), { ...options, family: 'v4' });
    this.add(place, params(v6Addresses), { ...options, family: 'v6' });
  }
}

export interface FamilyAddresses {
  readonly loopback: string;
  readonly passthrough: string;
}
const v4Addresses: FamilyAddresses = { loopback: '127.0.0.1/32', passthrough: '127.0.0.6/32' };
const v6Addresses: FamilyAddresses = { loopback: '::1/128', passthrough: '::6/128' };

const ofFamily = (rules: readonly Rule[], family: 'v4' | 'v6'): Rule[] =>
  rules.filter((rule) => rule.family === 'both' || rule.family === family);
const ruleText = ({ chain, position, params }: Rule): string =>
  `${position > 0 ? `-I ${chain} ${position}` : `-A ${chain}`} ${params.join(' ')}`;

function newChains(rules: readonly Rule[]): { table: string; chain: string }[] {
  const seen = new Map(
    rules.filter(({ chain }) => !builtIn.has(chain)).map(({ table, chain }) => [`${table} ${chain}`, { table, chain }]),
  );
  return [...seen.values()];
}

/** The input of iptables-restore (or ip6tables-restore): tables by name, chains before rules. */
export function restoreText(all: readonly Rule[], family: 'v4' | 'v6'): string {
  const rules = ofFamily(all, family);
  const chains = newChains(rules);
  return [...new Set(rules.map(({ table }) => table))]
    .sort()
    .map((table) =>
      [
        `* ${table}`,
        ...chains.filter((item) => item.table === table).map(({ chain }) => `-N ${chain}`),
        ...rules.filter((rule) => rule.table === table).map(ruleText),
        'COMMIT\n',
      ].join('\n'),
    )
    .join('');
}

/** The same as single commands, in order. */
export function commandLines(all: readonly Rule[], family: 'v4' | 'v6'): string[] {
  const rules = ofFamily(all, family);
  const command = family === 'v4' ? 'iptables' : 'ip6tables';
  return [
    ...newChains(rules).map(({ table, chain }) => `${command} -t ${table} -N ${chain}`),
    ...rules.map((rule) => `${command} -t ${rule.table} ${ruleText(rule)}`),
  ];
}
