import { parseAddress, parsePrefix, prefixContains, type Prefix } from '@flotilla/rules';

/**
 * Addresses that no key set is fetched from unless they are allowed. No issuer has them, but they are useful to
 * somebody who can write configuration and cannot reach them otherwise.
 */
export const defaultRefusedAddresses: readonly string[] = [
  // this machine (RFC 1122, RFC 4291), however it is written
  '0.0.0.0/8',
  '127.0.0.0/8',
  '::/128',
  '::1/128',
  // link-local, where AWS, Azure, Google, Oracle and others serve metadata and credentials (169.254.169.254)
  '169.254.0.0/16',
  'fe80::/10',
  // metadata of AWS and Google over IPv6, of Azure, Alibaba and Oracle
  'fd00:ec2::/32',
  'fd20:ce::/32',
  '168.63.129.16/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  // multicast, reserved and broadcast
  '224.0.0.0/4',
  '240.0.0.0/4',
  'ff00::/8',
];

export interface AddressLists {
  /** Blocks of addresses, `address/bits`. */
  readonly refused: readonly string[];
  /** Exceptions to `refused`. */
  readonly allowed: readonly string[];
}

/**
 * Decides whether an address may be connected to. An IPv6 address that contains an IPv4 address is judged by that one
 * (in `::/96` by both). What is not an address is refused. Throws for a list with something that is not a block of
 * addresses.
 */
export function createAddressGuard({ refused, allowed }: AddressLists): (address: string) => boolean {
  const [refusedBlocks, allowedBlocks] = [refused.map(blockOf), allowed.map(blockOf)];
  const isIn = (blocks: readonly Prefix[], address: string): boolean =>
    blocks.some((block) => prefixContains(block, address));
  return (address) => {
    const meant = addressesIn(address);
    return meant.length > 0 && meant.every((one) => !isIn(refusedBlocks, one) || isIn(allowedBlocks, one));
  };
}

function blockOf(text: string): Prefix {
  const block = parsePrefix(text);
  if (!block.ok) throw new Error(`${JSON.stringify(text)} is not a block of addresses, as in 10.0.0.0/8`);
  return block.value;
}

/** IPv6 prefixes whose addresses contain an IPv4 address, and the byte at which it begins. */
const embeddings: readonly (readonly [prefix: string, offset: number])[] = [
  // IPv4-mapped and IPv4-compatible (RFC 4291)
  ['::ffff:0:0/96', 12],
  ['::/96', 12],
  // NAT64 (RFC 6052, RFC 8215)
  ['64:ff9b::/96', 12],
  ['64:ff9b:1::/48', 12],
  // 6to4 (RFC 3056)
  ['2002::/16', 2],
];
const embeddingBlocks = embeddings.map(([prefix, offset]) => [blockOf(prefix), offset] as const);

/** The addresses to judge: the IPv4 address within an IPv6 address, or the address itself without its zone. */
function addressesIn(text: string): readonly string[] {
  const address = text.replace(/%.*$/s, '');
  const parsed = parseAddress(address);
  if (!parsed.ok) return [];
  const { bytes } = parsed.value;
  if (bytes.length === 4) return [address];
  const [embedding] = embeddingBlocks.filter(([block]) => prefixContains(block, address));
  if (!embedding) return [address];
  const [block, offset] = embedding;
  const inner = bytes.slice(offset, offset + 4).join('.');
  // In `::/96` both count: `::` and `::1` are addresses in their own right.
  if (block.length === 96 && bytes.slice(0, 12).every((byte) => byte === 0)) return [address, inner];
  return [inner];
}
