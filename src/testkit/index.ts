export { dialUnix } from './dial.js';
export { expectBatches, ExpectationError, type ExpectOptions, expectPoints } from './expect.js';
export type { ExpectedBatch, ExpectedPoint } from './expected-items.js';
export { formatLine, type LineSource, showLine } from './format-line.js';
export type { BatchSource, Input, InputOptions, PointSource } from './inputs.js';
export { createFakeKapacitor, type Emitted, type FakeKapacitor, type KapacitorOptions } from './kapacitor.js';
export { type LinePoint, parseLine } from './line-protocol.js';
export { parseLines } from './line-text.js';
export { type LogLine, memoryLogger } from './memory-log.js';
export { parseOptionChain, parseOptionValue } from './option-chain.js';
export type { LooseOptions, OptionInput, OptionInputs } from './option-calls.js';
export { originOf } from './origin.js';
export { type Consequence, ProtocolFailure, type ProtocolRule } from './protocol-failure.js';
export type { RecordedItem, RecordingFormat } from '../recording/format.js';
export { batchGroupId, groupId, type Grouping } from '../recording/group-id.js';
export { type OpenOptions, openRecording, type Recording } from '../recording/open.js';
export type { PointOptions } from '../recording/point-maker.js';
export { createRecordingWriter, type RecordingWriter, type WriterOptions } from '../recording/writer.js';
export { openConversationFile } from '../recording/conversation/open.js';
export type { RecordedConversation } from '../recording/conversation/reader.js';
export {
  type ConversationReplay,
  type ConversationReplayOptions,
  replayConversation,
} from './replay-conversation.js';
export { type Replay, replay, type ReplayOptions } from './replay.js';
export { type RunOptions, runUdf, type UdfRun } from './run.js';
export { memoryTransportPair } from '../transport/memory-transport.js';
export type { Transport } from '../transport/transport.js';
export type { InfoMessage, OptionMessage } from '../wire/messages.js';
