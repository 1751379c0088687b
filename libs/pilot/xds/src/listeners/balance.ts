import { balancesExactly, type View } from '@flotilla/pilot-world';
import type { envoy } from '@flotilla/proto-gen/envoy';

/** How a listener spreads its connections over threads, for proxies that ask for it. */
export const connectionBalance = (
  view: View,
  direction: 'INBOUND' | 'OUTBOUND',
): Pick<envoy.config.listener.v3.IListener, 'connectionBalanceConfig'> =>
  balancesExactly(view, direction) ? { connectionBalanceConfig: { exactBalance: {} } } : {};
