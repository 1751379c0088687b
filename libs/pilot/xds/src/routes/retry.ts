import { parsePort } from '@flotilla/std';
import type { HTTPRetry } from '@flotilla/model';
import { duration, envoy, u32 } from '@flotilla/proto-gen/envoy';
import { isHttpStatus } from '@flotilla/rules';
import { typedConfig } from '../finish/typed-config.ts';

type IRetryPolicy = envoy.config.route.v3.IRetryPolicy;

const previousHosts = {
  name: 'envoy.retry_host_predicates.previous_hosts',
  typedConfig: typedConfig(envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate, {}),
};
const previousPriorities = {
  name: 'envoy.retry_priorities.previous_priorities',
  typedConfig: typedConfig(envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig, {
    updateFrequency: 2,
  }),
};

const defaultPolicy = (): IRetryPolicy => ({
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  numRetries: u32(2),
  retryHostPredicate: [previousHosts],
  hostSelectionRetryMaxAttempts: 5,
  retriableStatusCodes: [503],
});

/**
 * Istio's retry.ConvertPolicy: unset means twice on what is safe; attempts of 0 or less mean never. Status codes in
 * retryOn are separated from conditions.
 */
export function buildRetryPolicy(retries: HTTPRetry | undefined): IRetryPolicy | undefined {
  if (!retries) return defaultPolicy();
  const attempts = retries.attempts ?? 0;
  if (attempts <= 0) return undefined;
  return {
    ...defaultPolicy(),
    numRetries: u32(attempts),
    ...(retries.retryOn ? parseRetryOn(retries.retryOn) : {}),
    ...(retries.perTryTimeout !== undefined ? { perTryTimeout: duration(retries.perTryTimeout) } : {}),
    ...(retries.retryRemoteLocalities ? { retryPriority: previousPriorities } : {}),
  };
}

function isStatus(part: string): boolean {
  const code = parsePort(part);
  return code !== undefined && isHttpStatus(code);
}

/** Codes alone leave an empty condition before what they imply, as Istio writes it. */
function parseRetryOn(text: string): Pick<IRetryPolicy, 'retryOn' | 'retriableStatusCodes'> {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const retriableStatusCodes = parts.filter(isStatus).map(Number);
  const conditions = parts.filter((part) => !isStatus(part)).join(',');
  const implied =
    retriableStatusCodes.length > 0 && !conditions.includes('retriable-status-codes') ? ',retriable-status-codes' : '';
  return { retryOn: `${conditions}${implied}`, retriableStatusCodes };
}
