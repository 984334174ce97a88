export { dialUnix } from '../transport/dial-unix.js';
export { expectBatches, ExpectationError, type ExpectOptions, expectPoints } from '../expect/expect.js';
export type { ExpectedBatch, ExpectedPoint } from '../expect/expected-items.js';
export { formatLine, type LineSource, showLine } from '../recording/format-line.js';
export type { BatchSource, Input, InputOptions, PointSource } from './input-converter.js';
export {
  createKapacitorPeer,
  type Emitted,
  type KapacitorPeer,
  type KapacitorPeerOptions,
} from '../peer/kapacitor-peer.js';
export { type LinePoint, parseLine, parseLines } from '../recording/line-protocol.js';
export { type LogLine, memoryLogger } from '../telemetry/memory-logger.js';
export { parseOptionChain, parseOptionValue } from '../peer/option-chain.js';
export type { LooseOptions, OptionInput, OptionInputs } from '../peer/option-calls.js';
export { causingInput } from '../expect/causing-input.js';
export { type Consequence, ProtocolFailure, type ProtocolRule } from '../peer/protocol-failure.js';
export type { RecordedItem, RecordingFormat } from '../recording/format.js';
export { batchGroupId, groupId, type Grouping } from '../recording/groups.js';
export { type OpenOptions, openRecording, type Recording } from '../recording/open.js';
export type { PointOptions } from '../recording/point-maker.js';
export type { ReadOptions } from '../recording/read-options.js';
export type { Precision } from '../recording/times.js';
export { createRecordingWriter, type RecordingWriter, type WriterOptions } from '../recording/writer.js';
export { openConversationFile } from '../recording/conversation/open.js';
export type { RecordedConversation } from '../recording/conversation/reader.js';
export {
  type ConversationReplay,
  type ConversationReplayOptions,
  replayConversation,
} from '../replay/replay-conversation.js';
export { type Replay, replay, type ReplayOptions } from '../replay/replay.js';
export { type RunOptions, runUdf, type UdfRun } from './run.js';
export { memoryTransportPair } from '../transport/memory-transport.js';
export type { Transport } from '../transport/transport.js';
export type { InfoMessage, OptionMessage } from '../wire/messages.js';
