export { createCaService } from './ca-server.ts';
export { createCredentialServer } from './credential-service.ts';
export { createIdentityService } from './identity-service.ts';
