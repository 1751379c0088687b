import type { Check } from './check.ts';
import { tooManyDelegations } from './conflicts/delegations.ts';
import { gatewayProtocolConflicts } from './conflicts/gateway-protocols.ts';
import { gatewayConflicts } from './conflicts/gateways.ts';
import { meshHostConflicts } from './conflicts/virtual-services.ts';
import { credentialReferences } from './references/credentials.ts';
import { principals, telemetryProviders } from './references/policies.ts';
import { unknownHosts } from './references/unknown-hosts.ts';
import { virtualServiceReferences } from './references/virtual-service.ts';
import { gatewayWorkloads, policyWorkloads } from './selectors/policies.ts';
import { servicePortNames } from './services/port-names.ts';

/** All checks of objects by what else there is. */
export const checks: readonly Check[] = [
  virtualServiceReferences,
  ...unknownHosts,
  meshHostConflicts,
  tooManyDelegations,
  gatewayWorkloads,
  gatewayConflicts,
  gatewayProtocolConflicts,
  ...credentialReferences,
  ...policyWorkloads,
  principals,
  telemetryProviders,
  servicePortNames,
];
