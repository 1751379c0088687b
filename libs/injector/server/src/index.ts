export { createWebhook, parsePathEnv, type Verdict, type Webhook, type WebhookOptions } from './webhook.ts';
export { parseReview, type ReviewFailure, type ReviewRequest } from './review.ts';
