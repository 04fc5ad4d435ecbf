/**
 * Steps that undo what was opened. Each part that opens something pushes its step at once, so that a start
 * that fails halfway closes exactly what it had opened.
 */
export interface Closing {
  push(close: () => Promise<unknown>): void;
  /** In reverse order of opening. One that fails does not keep the others open; the failures are thrown together. */
  run: () => Promise<void>;
}

export function createClosing(): Closing {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (close) => {
      steps.push(close);
    },
    run: async () => {
      const failures: unknown[] = [];
      for (let close = steps.pop(); close !== undefined; close = steps.pop()) {
        await close().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0)
        throw new AggregateError(failures, 'shutdown: some connections could not be closed');
    },
  };
}
