export * from '../gen/credentials.js';
