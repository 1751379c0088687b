export { requestCertificate } from './ca-client.ts';
export { certificateSettings, createServiceCertificate } from './service-certificate.ts';
