// A core reads no clock, chance, environment, file or network, and has no effect.
import { randomUUID } from 'node:crypto'; // refused: no-restricted-imports
import { readFileSync } from 'node:fs'; // refused: no-restricted-imports
import { generateKey } from '@flotilla/pki'; // refused: no-restricted-imports
import { systemClock } from '@flotilla/std'; // refused: no-restricted-imports

export const imported = [randomUUID, readFileSync, generateKey, systemClock];
export const clock = [
  Date.now(), // refused: no-restricted-syntax
  new Date(), // refused: no-restricted-syntax
  Date(), // refused: no-restricted-syntax
  performance.now(), // refused: no-restricted-globals
];
export const chance = [
  Math.random(), // refused: no-restricted-syntax
  crypto.randomUUID(), // refused: no-restricted-globals
];
export const environment = [
  process.env['HOME'], // refused: no-restricted-globals
  navigator.hardwareConcurrency, // refused: no-restricted-globals
  import.meta.dirname, // refused: no-restricted-syntax
  globalThis.process, // refused: no-restricted-globals
];
export const network = [
  fetch('http://10.0.0.1'), // refused: no-restricted-globals
  new WebSocket('ws://10.0.0.1'), // refused: no-restricted-globals
];
export const timers = [
  setTimeout(() => {}, 1), // refused: no-restricted-globals
  setInterval(() => {}, 1), // refused: no-restricted-globals
  setImmediate(() => {}), // refused: no-restricted-globals
  AbortSignal.timeout(1), // refused: no-restricted-syntax
];
export const later = import('node:fs'); // refused: no-restricted-syntax
console.log('an effect'); // refused: no-restricted-globals
