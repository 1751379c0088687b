import { compareText } from '@flotilla/std';
import type { envoy } from '@flotilla/proto-gen/envoy';

type IFilterChain = envoy.config.listener.v3.IFilterChain;

/** A chain of a gateway's listener, and whether clients' first bytes must be inspected for it: for the name they ask for, or what they speak. */
export interface GatewayChain { readonly chain: IFilterChain; readonly inspected: boolean }

/** A chain for clients that ask for one of these names; `*` is any, and a client may ask for none. */
export const bySni = (names: readonly string[], { filterChainMatch, ...chain }: IFilterChain): GatewayChain => {
  const match = { ...filterChainMatch, ...(names.length === 0 || names.includes('*') ? {} : { serverNames: [...names].sort(compareText) }) };
  return { chain: { ...(Object.keys(match).length > 0 ? { filterChainMatch: match } : {}), ...chain }, inspected: names.length > 0 };
};
