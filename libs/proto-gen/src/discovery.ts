export * from '../gen/discovery.js';
