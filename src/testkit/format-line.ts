export { formatLine, type LineSource, showLine } from '../recording/format-line.js';
