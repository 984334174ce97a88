export { batchGroupId, groupId, type Grouping } from '../recording/group-id.js';
