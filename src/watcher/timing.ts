/** Every deadline and interval of the watcher; tests run them at a fraction. */
export interface WatcherTiming {
  /** Shortest time that a watch is asked for; each is asked for up to twice as long. */
  readonly watchTimeoutSeconds: number;
  /** Silence after which a watch is given up; above the bookmark period of a minute. */
  readonly inactivityMs: number;
  /** For the whole answer to a list's page or to a single look. */
  readonly requestMs: number;
  /** First pause after a failure; the next ones double. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** A watch that lasted so long has recovered: the next failure pauses as the first one did. */
  readonly healthyMs: number;
  /** Between two looks for a kind that is not installed. */
  readonly absentPollMs: number;
  /** Between two complete lists that check the watch. */
  readonly reconcileMs: number;
  /** Between two rounds of single looks at what is overdue or soon deleted. */
  readonly lookMs: number;
  /** How long the watch may lag behind such a list or look. */
  readonly reconcileGraceMs: number;
  /** Shortest time between two signals to one remediation, unless something urgent comes. */
  readonly gatherMs: number;
  /** How long a block, an approval or an end waits for what comes with it. */
  readonly briefGatherMs: number;
  /** Of a resource that flaps the newest state is sent so often; within the same time its changes are counted. */
  readonly coalesceMs: number;
  /** Between two questions to Temporal for runs that ended without having recorded everything. */
  readonly lostRunsMs: number;
  /** What the database does not show so long after Temporal took it is sent again. */
  readonly recordingGraceMs: number;
}
