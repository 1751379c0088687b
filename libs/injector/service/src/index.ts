export * from './injector.ts';
export { parseValues } from '@flotilla/injector-template';
