export { createLogger, parseLogLevels, type ClosableLogger, type LoggerOptions, type LogLevels } from './logs.ts';
export { logFormats, type LogFormat } from './log-line.ts';
export { defaultLogLimits, type LogLimits } from './log-flood.ts';
export { withoutWaiting } from './log-sink.ts';
export { createMetrics } from './metrics.ts';
