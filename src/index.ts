export { UdfError, type UdfErrorCode } from './errors.js';
export { createBatch, createPoint } from './agent/create-point.js';
export { defineUdf, isUdfDefinition } from './udf/definition.js';
export type {
  BatchUdf,
  Context,
  Setup,
  StreamingBatchUdf,
  StreamUdf,
  UdfDefinition,
  UdfLog,
} from './udf/definition.js';
export type { ErrorPolicy } from './udf/runtime-options.js';
export { option } from './udf/option.js';
export type { OptionSpec, OptionSpecs, OptionValues } from './udf/option.js';
export { formatDuration, parseDuration } from './udf/duration.js';
export type { AnyPoint, BatchPoint, BatchPointInit, Point, PointChanges, PointInit } from './udf/point.js';
export type { Batch, BatchInfo, BatchInit } from './udf/batch.js';
export type {
  EdgeType,
  FieldInput,
  FieldInputs,
  Fields,
  FieldValue,
  LongLike,
  Tags,
  TimeInput,
} from './values.js';
