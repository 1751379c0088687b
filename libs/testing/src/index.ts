export * from './bus-contract.ts';
export * from './certificates.ts';
export * from './corpus.ts';
export * from './golden.ts';
export * from './manual-clock.ts';
export * from './random-mesh.ts';
export * from './resource.ts';
export * from './work.ts';
