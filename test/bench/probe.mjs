/** Loaded into an agent whose memory is to be known: collects and tells when asked, and does nothing else. */
process.on('message', (message) => {
  if (message !== 'memory') return;
  // What the first collection frees may hold what the second one does.
  globalThis.gc();
  globalThis.gc();
  process.send(process.memoryUsage());
});
process.channel?.unref(); // must not keep the agent from ending
