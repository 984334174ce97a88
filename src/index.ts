/**
 * What a UDF is written with (`defineUdf`, `option`), and what serves UDFs in a program (`serve`, `createHost`).
 *
 * @module kapacitor-udf
 */

export { UdfError, type UdfErrorCode } from './model/errors.js';
export { createBatch, createPoint } from './udf/create.js';
export { defineUdf, isUdfDefinition } from './udf/definition.js';
export type {
  ConnectionSignal,
  Context,
  HandlerResult,
  Setup,
  StopContext,
  TimerContext,
  UdfLog,
} from './udf/context.js';
export type { CallOrder, CallOverlap, OnlyWith, Udf, UdfDefinition } from './udf/definition.js';
export type { ErrorPolicy } from './udf/runtime-options.js';
export { advanceClock, isEventClock, lateOptions } from './udf/event-clock.js';
export type { EventClock, LateContext } from './udf/event-clock.js';
export type { GroupItems, NewItem, Timer, TimerClock, Timers, TimerSetting } from './udf/timers.js';
export { windows } from './udf/windows.js';
export type { Window, WindowContext, WindowOptions, Windows, WindowState } from './udf/windows.js';
export { option } from './udf/option.js';
export type { OptionSpec, OptionSpecs, OptionValues } from './udf/option.js';
export { formatDuration, parseDuration } from './model/duration.js';
export type { AnyPoint, BatchPoint, BatchPointInit, Point, PointChanges, PointInit } from './model/point.js';
export type { Batch, BatchInfo, BatchInit } from './model/batch.js';
export type {
  EdgeType,
  FieldInput,
  FieldInputs,
  Fields,
  FieldValue,
  LongLike,
  Tags,
  TimeInput,
} from './model/values.js';
export { createHost } from './host/host.js';
export type { Host, HostedSocket, HostOptions, Readiness } from './host/host.js';
export { createDeadLetterFiles } from './host/dead-letters/dead-letter-files.js';
export type { DeadLetterFiles, DeadLetterOptions } from './host/dead-letters/dead-letter-files.js';
export type { DeadLetter, DeadLetters } from './model/dead-letters.js';
export type { DeadLetterStats, StateSaveStats, UseId } from './model/statistics.js';
export { serve } from './host/serve.js';
export type { ServeOptions } from './host/serve.js';
export { serveStdio } from './host/serve-stdio.js';
export type { StdioOptions } from './host/serve-stdio.js';
export { defaultLimits } from './agent/limits.js';
export type { Limits } from './agent/limits.js';
export { handlerTimeBounds } from './model/statistics.js';
export type {
  AgentStats,
  HandlerTime,
  HostStats,
  SnapshotStats,
  TaskUse,
  UdfStats,
  UseStats,
} from './model/statistics.js';
export { createLogger } from './telemetry/create-logger.js';
export type { LogDestination, LoggerOptions } from './telemetry/create-logger.js';
export type { LogFormat, LogLevel } from './telemetry/logger.js';
export type { Logger } from './telemetry/logger.js';
