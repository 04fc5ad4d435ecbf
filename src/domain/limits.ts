// Limits that the watcher, the API, the client and the tables share. Each is defined here and nowhere else.

/** One observation of the watcher: a resource may be of 1.5 MiB, and what travels of it is cut to this. */
export const MAX_WATCHED_OBSERVATION_BYTES = 128 * 1024;

/** Observations in one signal to a workflow, and in one activity that records them. */
export const MAX_SIGNAL_OBSERVATIONS = 200;

/** Bytes of JSON in one signal: far below the 2 MiB of Temporal, so that a run stays small. */
export const MAX_SIGNAL_BYTES = 500_000;

/**
 * Bytes of JSON in one activity's input, unless a single observation has more. A workflow task may start one activity for
 * each of the thirteen phases, and one call to the server carries 4 MiB at most.
 */
export const MAX_LIST_BYTES = 250_000;

/**
 * Length of text in an indexed column, in characters. A B-tree entry holds at most 2,704 bytes; 512 characters of four
 * bytes leave room for the other columns of the index.
 */
export const MAX_IDENTIFIER_LENGTH = 512;

/** Names of Kubernetes objects; a uid is shorter. */
export const MAX_OBJECT_NAME_LENGTH = 253;

/** Temporal's own limit is 1,000; ours keeps ids readable in its UI and in file names. */
export const MAX_WORKFLOW_ID_LENGTH = 255;

/**
 * How long one attempt to record may take before Temporal gives it to another worker. The store's own attempts must end
 * within it, the last one with the server's error: otherwise the next attempt would wait behind the one before.
 */
export const RECORD_ATTEMPT_SECONDS = 60;

/** How often the store tries a flush that lost a race, or ran into the statement timeout, before it reports an error. */
export const STORE_ATTEMPTS = 5;

/** Rows in one page of a list. */
export const MAX_PAGE_SIZE = 1_000;

/**
 * Bytes of ledger entries, and of records of one kind, in one answer, whatever its other limits; one that is larger is
 * answered alone. A thousand entries may be 256 MiB, and an answer is in memory as rows and as text.
 */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Months outside this range are typing errors, not audit records; the same bounds stand in `audit_create_month`. */
export const FIRST_MONTH = '2015-01-01';
export const MAX_MONTHS_AHEAD = 24;

/** One request to the service. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

/** Records in one posted batch. */
export const MAX_BATCH_RECORDS = 1_000;

/** What is stored of one posted record: it may be as large as its body, and its largest fields are cut to this. */
export const MAX_RECORD_BYTES = 256 * 1024;

/** The same record once its secrets are replaced: a placeholder is longer than a short secret. */
export const MAX_REDACTED_RECORD_BYTES = 320 * 1024;

/** Levels of objects and arrays in one record, the record itself being the first. */
export const MAX_JSON_DEPTH = 32;

/**
 * Levels in one body before it is parsed at all. Records within a batch are judged one by one by MAX_JSON_DEPTH; this
 * limit only keeps a hostile body from exhausting the stack of the parser.
 */
export const MAX_BODY_DEPTH = 512;

/**
 * Digits of a number and size of its exponent. A double has 17 digits and an exponent of 308; `1e131071` is a number to
 * PostgreSQL too, of 64 KiB.
 */
export const MAX_NUMBER_DIGITS = 1_000;

/** Characters of why retention stopped at a month: enough for the first differences of one. */
export const MAX_FAULT_LENGTH = 4_000;

/** Longest that a restored month may be asked to stay, in days. */
export const MAX_RESTORED_DAYS = 3_650;

/** How long before and after its receipt a post may put its record, unless its caller may `backfill`, in days. */
export const POST_DAYS_BACK = 35;
export const POST_DAYS_AHEAD = 1;

/** Months that the posts of one caller may make in 24 hours, unless it is configured: a year of them for a backfill. */
export const DEFAULT_POSTED_MONTHS_PER_DAY = 12;
