/** What a watcher has seen of the resources of one kind, and what of that it knows to be recorded. */
export interface KindCompleteness {
  readonly kind: string;
  /** Resources that are there. */
  readonly seen: number;
  /** Of these, what the database has in their newest state; undefined when it does not answer. */
  readonly recorded: number | undefined;
  /** Not ended yet. */
  readonly open: number;
  /** Open beyond the time they had. */
  readonly overdue: number;
  /** With a state that Temporal does not have yet. */
  readonly waiting: number;
}
