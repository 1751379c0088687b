export { validate } from './validate.ts';
export { checkProxyConfig } from './mesh-config.ts';
export { Report } from './report.ts';
