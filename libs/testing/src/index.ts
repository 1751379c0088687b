export * from './bus-contract.ts';
export * from './random-mesh.ts';
