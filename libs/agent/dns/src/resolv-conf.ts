/** The settings of a resolver in resolv.conf. */
export interface ResolvConf {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

const maxServers = 16;
const maxSearch = 32;

/** Reads resolv.conf; a later `search` or `domain` line replaces an earlier one. Unknown lines are ignored. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...words] = line.split(/[#;]/, 1).join('').trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0] && nameservers.length < maxServers) nameservers.push(words[0]);
    else if (keyword === 'search' || keyword === 'domain')
      search = words.slice(0, maxSearch).map((word) => word.replace(/\.$/, ''));
  }
  return { nameservers, search };
}
