export { dialUnix } from './dial.js';
export { batchGroupId, groupId, type Grouping } from './group-id.js';
export { createFakeKapacitor, type Emitted, type FakeKapacitor, type KapacitorOptions } from './kapacitor.js';
export type { LooseOptions, OptionInput, OptionInputs } from './option-calls.js';
export { type Consequence, ProtocolFailure, type ProtocolRule } from './protocol-failure.js';
