import type { Counter, Metrics } from '@flotilla/observability-port';

export interface CaMetrics {
  readonly csr: Counter;
  readonly authenticationFailure: Counter;
  readonly parsingError: Counter;
  readonly signError: Counter;
  readonly issued: Counter;
}

/** By the names of Istio's CA. */
export const createCaMetrics = (metrics: Metrics): CaMetrics => ({
  csr: metrics.counter('citadel_server_csr_count', 'The number of CSRs received by Citadel server.'),
  authenticationFailure: metrics.counter(
    'citadel_server_authentication_failure_count',
    'The number of authentication failures.',
  ),
  parsingError: metrics.counter(
    'citadel_server_csr_parsing_err_count',
    'The number of errors occurred when parsing the CSR.',
  ),
  signError: metrics.counter(
    'citadel_server_csr_sign_err_count',
    'The number of errors occurred when signing the CSR.',
    { error: ['TTL_ERROR'] },
  ),
  issued: metrics.counter(
    'citadel_server_success_cert_issuance_count',
    'The number of certificates issuances that have succeeded.',
  ),
});
