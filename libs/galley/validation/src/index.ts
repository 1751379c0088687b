export { validate, type ValidateOptions } from './validate.ts';
export { validateDocument, type DocumentVerdict } from './document/document.ts';
export { checkProxyConfig } from './mesh-config.ts';
export { Report } from './report.ts';
