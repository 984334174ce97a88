/**
 * The test kit: what a unit test of a UDF imports as `kapacitor-udf/testkit`. Nothing that serves UDFs loads it.
 *
 * @module kapacitor-udf/testkit
 */

// A UDF in this process, its input and its options.
export { type RunOptions, runUdf, type UdfRun } from './run.js';
export type { BatchSource, Input, InputOptions, PointSource } from './input-converter.js';
export type { LooseOptions, OptionInput, OptionInputs } from '../peer/options.js';
export type { LogLine } from '../telemetry/memory-logger.js';

// Assertions on what it emits.
export { expectBatches, ExpectationError, type ExpectOptions, expectPoints } from '../expect/expect.js';
export type { ExpectedBatch, ExpectedPoint } from '../expect/expected-items.js';
export { causingInput } from '../expect/output-notes.js';

// Recordings, and their replay through a UDF or an agent.
export { type Replay, replay, type ReplayOptions } from '../replay/replay.js';
export {
  type ConversationReplay,
  type ConversationReplayOptions,
  replayConversation,
} from '../replay/replay-conversation.js';
export { type OpenOptions, openRecording, type Recording } from '../recording/open.js';
export type { RecordedItem, RecordingFormat } from '../recording/format.js';
export type { PointOptions } from '../recording/point-maker.js';
export type { ReadOptions } from '../recording/read-options.js';
export type { Precision } from '../recording/times.js';
export { createRecordingWriter, type RecordingWriter, type WriterOptions } from '../recording/writer.js';
export { openConversationFile } from '../recording/conversation/open.js';
export type { RecordedConversation } from '../recording/conversation/reader.js';
export { type LinePoint, parseLine, parseLines } from '../recording/line-protocol.js';
export { formatLine, type LineSource, showLine } from '../recording/format-line.js';

// Kapacitor's side of the protocol, for agents in any language.
export {
  createKapacitorPeer,
  type Emitted,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../peer/kapacitor-peer.js';
export { type Consequence, ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
export { dialUnix } from '../transport/dial-unix.js';
export type { Transport } from '../transport/transport.js';
export type { OptionCall } from '../model/option-call.js';
export type { InfoMessage } from '../wire/messages.js';
