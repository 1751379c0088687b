export * from './authenticate.ts';
export * from './bootstrap.ts';
export * from './jwt.ts';
export { createTokenReviews, type TokenReviewOptions, type VerifyToken } from './token-review.ts';
