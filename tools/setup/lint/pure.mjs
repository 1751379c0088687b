// What a core may not touch: everything that makes two runs over the same inputs differ, or that has an effect.
import { foldersOf } from './packages.mjs';

/** Layers whose code is pure. */
export const pureLayers = ['std', 'model', 'port', 'core'];
export const pureFiles = foldersOf(...pureLayers.map((layer) => `layer:${layer}`)).map((path) => `${path}/**/*.ts`);

/**
 * The few files of these layers that are the clock, a source of keys, or a file that the set-up generates; `forbidden`
 * keeps the first two from other pure code.
 */
export const effects = [
  'libs/std/src/clock.ts',
  'libs/std/src/turns.ts',
  'libs/pki/src/key.ts',
  'libs/proto-gen/src/json.ts',
];
const forbidden = [
  { name: '@flotilla/std', importNames: ['steadyClock', 'systemClock', 'pause', 'inTurns', 'nextTurn'] },
  { name: '@flotilla/pki', importNames: ['generateKey'] },
  {
    name: 'node:crypto',
    importNames: [
      'randomBytes',
      'randomFill',
      'randomFillSync',
      'randomInt',
      'randomUUID',
      'getRandomValues',
      'webcrypto',
      'generateKey',
      'generateKeySync',
      'generateKeyPair',
      'generateKeyPairSync',
    ],
  },
];

const message =
  'A core reads no clock, chance, environment, file or network, and has no effect: take it as an argument.';
const globals = [
  'process',
  'performance',
  'console',
  'fetch',
  'WebSocket',
  'EventSource',
  'XMLHttpRequest',
  'BroadcastChannel',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'crypto',
  'navigator',
  'localStorage',
  'sessionStorage',
  // Through these any of the others could be reached.
  'globalThis',
  'global',
  'require',
  'eval',
];
const selectors = [
  'MemberExpression[object.name="Date"][property.name="now"]',
  'NewExpression[callee.name="Date"][arguments.length=0]',
  'CallExpression[callee.name="Date"]',
  'MemberExpression[object.name="Math"][property.name="random"]',
  'MemberExpression[object.name="AbortSignal"][property.name="timeout"]',
  'ImportExpression',
  'MetaProperty',
];

export const pure = {
  globals: globals.map((name) => ({ name, message })),
  syntax: selectors.map((selector) => ({ selector, message })),
  imports: {
    paths: forbidden.map((each) => ({ ...each, message })),
    patterns: [
      {
        group: ['@grpc/*', '@nats-io/*', '@kubernetes/*'],
        message: 'A core knows no transport: leave it to a server or an adapter.',
      },
      { regex: '^node:(?!crypto$)', message },
    ],
  },
};
