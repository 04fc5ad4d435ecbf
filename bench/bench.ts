import type { Figure } from './harness.ts';

export interface BenchOptions {
  /** How much work: rows, resources or runs, whatever the bench counts in. */
  readonly rows: number;
  readonly report: (line: string) => void;
}

/** A benchmark: its name on the command line, what `--rows` counts, and how many are worth measuring. */
export interface Bench {
  readonly name: string;
  readonly question: string;
  readonly rowsAre: string;
  readonly defaultRows: number;
  run(options: BenchOptions): Promise<readonly Figure[]>;
}
