/** The longest that a timer of Node.js can be set to, some 24 days: one that is set to more goes off at once. */
export const longestTimerMs = 2 ** 31 - 1;
