export * from '../gen/bus.js';
