export { createCaClient } from './ca-client.ts';
export { createSdsServer } from './sds-server.ts';
export { parseSecretName } from './secrets.ts';
export { createWorkloadCertificate, renewalDelay } from './workload-certificate.ts';
