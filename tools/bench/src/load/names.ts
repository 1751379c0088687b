import { fieldsOf, messagesAt, textAt } from './fields.ts';

/** Field numbers of Envoy's API v3. */
const cluster = { name: 1, type: 2, edsClusterConfig: 3, serviceName: 2 };
const eds = 3;
const listener = { filterChains: 3, defaultFilterChain: 25 };
const filter = { chainFilters: 3, typedConfig: 4 };
const any = { typeUrl: 1, value: 2 };
const rds = { rds: 3, routeConfigName: 2 };

/** The load assignment that a cluster waits for; undefined when it waits for none. */
export function assignmentOf(bytes: Buffer): string | undefined {
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === cluster.type && value === eds)
      return textAt(bytes, [cluster.edsClusterConfig, cluster.serviceName]) || textAt(bytes, [cluster.name]);
  }
  return undefined;
}

/** The route configurations that a listener waits for. */
export function routesOf(bytes: Buffer): string[] {
  const chains = [listener.filterChains, listener.defaultFilterChain].flatMap((number) => messagesAt(bytes, [number]));
  const configs = chains.flatMap((chain) => messagesAt(chain, [filter.chainFilters, filter.typedConfig]));
  const managers = configs.filter((config) => textAt(config, [any.typeUrl]).endsWith('.HttpConnectionManager'));
  return managers.flatMap((manager) => messagesAt(manager, [any.value, rds.rds, rds.routeConfigName]).map(String));
}
