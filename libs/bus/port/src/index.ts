export {
  type Batch,
  type Bus,
  type Publisher,
  type ReportReceiver,
  type ReportSender,
  type Subscriber,
  type TakeReport,
  TooLargeError,
} from './port.ts';
export { type CollectionKey, type EncodedBatch, decodeBatch, encodeBatch, idOf } from './encoded.ts';
export { FormatError, checkFormat, thisWriter } from './format.ts';
export { batchFromBytes, batchToBytes } from './wire.ts';
export { createBusState } from './state.ts';
export { createMirror } from './mirror.ts';
export { type Outbox, createOutbox } from './outbox.ts';
export { createResumableSubscriber } from './resumable.ts';
export {
  type ObjectRef,
  type ObjectReport,
  type Report,
  type ReportAnswer,
  maxReportBytes,
  reportCredentials,
  reportTexts,
} from './report/report.ts';
export { answerFromBytes, answerToBytes, reportToBytes } from './report/report-wire.ts';
export { type Reporter, createReporter } from './report/reporter.ts';
export {
  type ReceivedReport,
  type ReportLimits,
  type ReportStore,
  type ReportingPilot,
  createReportStore,
} from './report/report-store.ts';
