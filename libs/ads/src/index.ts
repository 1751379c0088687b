export * from './types.ts';
export { initialState, step } from './step.ts';
export { ResponseEncoder } from './encode.ts';
