export { createAccessReviews } from './access-reviews.ts';
export { openPlatform, platformSettings } from './platform.ts';
export { createSecretWatches } from './secret-watches.ts';
