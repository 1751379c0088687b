import { compareText } from '@flotilla/std';
import type { envoy } from '@flotilla/proto-gen/envoy';

type IFilterChain = envoy.config.listener.v3.IFilterChain;

/**
 * A chain of a gateway's listener, and whether clients' first bytes must be inspected for it: for the name they ask
 * for, or what they speak.
 */
export interface GatewayChain {
  readonly chain: IFilterChain;
  readonly inspected: boolean;
}

/**
 * Without what an earlier chain takes already: Istio sends such chains, and Envoy then refuses the whole listener. Two
 * chains take the same when they match the same but for their names, and have a name in common, or none.
 */
export function withoutRepeated(chains: readonly GatewayChain[]): GatewayChain[] {
  const taken = new Set<string>();
  return chains.flatMap(({ chain, inspected }) => {
    const { serverNames, ...match } = chain.filterChainMatch ?? {};
    const place = (name: string): string => JSON.stringify([match, name]);
    const names = (serverNames?.length ? serverNames : ['']).filter((name) => !taken.has(place(name)));
    for (const name of names) taken.add(place(name));
    if (names.length === 0) return [];
    return [
      {
        inspected,
        chain: serverNames?.length ? { ...chain, filterChainMatch: { ...match, serverNames: names } } : chain,
      },
    ];
  });
}

/** A chain for clients that ask for one of these names; `*` is any, and a client may ask for none. */
export const bySni = (names: readonly string[], { filterChainMatch, ...chain }: IFilterChain): GatewayChain => {
  const match = {
    ...filterChainMatch,
    ...(names.length === 0 || names.includes('*') ? {} : { serverNames: [...names].sort(compareText) }),
  };
  return {
    chain: { ...(Object.keys(match).length > 0 ? { filterChainMatch: match } : {}), ...chain },
    inspected: names.length > 0,
  };
};
