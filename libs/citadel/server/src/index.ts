export { createCaService } from './ca-server.ts';
export { createCredentialServer } from './credential-service.ts';
