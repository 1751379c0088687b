export * from '../gen/identity.js';
