export { type AuthenticateOptions, type Credentials, authenticate } from './authenticate.ts';
export { type BootstrapTokens, parseBootstrapTokens } from './bootstrap.ts';
export { serviceNames } from './service-names.ts';
export { verifyServiceAccountToken } from './jwt.ts';
export { createTokenReviews, type TokenReviewOptions } from './token-review.ts';
export { createKeyVerification, refuseTokens, type VerifyToken } from './verify-token.ts';
