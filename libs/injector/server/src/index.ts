export { createWebhook, parsePathEnv, type Verdict, type Webhook, type WebhookOptions } from './webhook.ts';
export { parseReview, reviewLimits, type ReviewFailure, type ReviewRequest } from './review.ts';
