/** How a program can end that callers distinguish from a plain failure; the command line has an exit code for each. */
type Ending = 'usage' | 'configuration' | 'schemaTooNew' | 'clusterSilent';

/** Ends a program in one of these ways. It stands here so that the command line knows it without loading the part that throws it. */
export abstract class EndingError extends Error {
  abstract readonly ending: Ending;
}

/** What went wrong, in one line for a message or a log. A refused connection names every address that was tried. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError)
    return [error.message, ...error.errors.map(reasonOf)].filter((part) => part !== '').join(': ');
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return String(error);
}

/** The reason at the end of the chain of causes: what failed first. */
export function rootReasonOf(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return reasonOf(root);
}
