export * from './types.ts';
export { initialState, step } from './step.ts';
export { encodeDelta, encodeSotw } from './encode.ts';
