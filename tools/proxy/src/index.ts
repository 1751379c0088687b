export { follow, type Event, type FollowOptions } from './follow.ts';
export { Held, type Change, type HeldResource } from './held.ts';
export { endpointNames, plain, referencesIn, routeNames, routesOf, secretNames } from './references.ts';
