import type { WatcherTiming } from '../../src/watcher/watcher-options.ts';

/** What takes minutes in a cluster takes a fraction of a second here. */
export const FAST: WatcherTiming = {
  watchTimeoutSeconds: 5,
  inactivityMs: 150,
  requestMs: 250,
  backoffMs: 5,
  longestBackoffMs: 60,
  healthyMs: 100,
  absentPollMs: 30,
  reconcileMs: 80,
  probeMs: 40,
  reconcileGraceMs: 150,
  gatherMs: 20,
  briefGatherMs: 10,
  coalesceMs: 300,
  lostRunsMs: 50,
  recordingGraceMs: 400,
};
