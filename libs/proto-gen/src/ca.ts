export * from '../gen/ca.js';
