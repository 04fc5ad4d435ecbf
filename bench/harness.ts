import { median, spread } from './statistics.ts';

/** One figure of a benchmark: the JSON line of it, in this order of keys. */
export interface Figure {
  bench: string;
  metric: string;
  /** Median over the runs. */
  value: number;
  unit: string;
  /** Median of the same work without us; null where there is no such thing. */
  ceiling: number | null;
  /**
   * Median of value ÷ ceiling taken round by round, not of the two medians: the runs of one round saw the same machine,
   * so this is what holds while other programs come and go. Above 1 is better for a rate and worse for a duration.
   */
  ratio: number | null;
  /** Runs counted, warm-ups excluded. */
  n: number;
  /** Of the value's samples: (p90 − p10) ÷ median. */
  spread: number;
}

/** What is measured: whose, what, and in which unit. */
export interface Measure {
  bench: string;
  metric: string;
  unit: string;
}

/** Does the work once and gives what was measured, in the unit of the measure. */
export type Run = () => Promise<number>;

export interface Comparison extends Measure {
  figure: Run;
  /** The same work without us: plain batched upsert, no-op workflow, bare HTTP server. */
  ceiling?: Run;
  /** Rounds counted. */
  rounds: number;
  /** Rounds before that, run and forgotten: caches, JIT, connections. Default 1. */
  warmupRounds?: number;
}

/**
 * Measures both sides in this process, interleaved. Who goes first changes from round to round: otherwise whatever
 * drifts during a round (heat, caches, a neighbour) would always favour the same side.
 */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { figure, ceiling, rounds, warmupRounds = 1 } = comparison;
  const samples: number[] = [];
  const ceilingSamples: number[] = [];
  for (let round = -warmupRounds; round < rounds; round += 1) {
    const sample = await runRound(figure, ceiling, round % 2 === 0);
    if (round < 0) continue;
    samples.push(sample.figure);
    if (sample.ceiling !== undefined) ceilingSamples.push(sample.ceiling);
  }
  return summarise(comparison, samples, ceiling === undefined ? undefined : ceilingSamples);
}

async function runRound(figure: Run, ceiling: Run | undefined, figureFirst: boolean) {
  if (ceiling === undefined) return { figure: await figure(), ceiling: undefined };
  if (figureFirst) {
    const first = await figure();
    return { figure: first, ceiling: await ceiling() };
  }
  const first = await ceiling();
  return { figure: await figure(), ceiling: first };
}

/** The figure of samples taken elsewhere; those of the ceiling pair with them by position. */
export function summarise(
  { bench, metric, unit }: Measure,
  samples: readonly number[],
  ceilingSamples?: readonly number[],
): Figure {
  const name = `${bench}, ${metric}`;
  if (samples.length === 0) throw new RangeError(`${name}: no runs, so no figure; ask for one round or more`);
  return {
    bench,
    metric,
    value: median(samples),
    unit,
    ceiling: ceilingSamples === undefined ? null : median(ceilingSamples),
    ratio: ceilingSamples === undefined ? null : median(pairwiseRatios(name, samples, ceilingSamples)),
    n: samples.length,
    spread: spread(samples),
  };
}

function pairwiseRatios(name: string, samples: readonly number[], ceilings: readonly number[]): number[] {
  if (samples.length !== ceilings.length) {
    throw new RangeError(
      `${name}: ${samples.length} runs cannot be paired with ${ceilings.length} of the ceiling`,
    );
  }
  return samples.map((sample, round) => {
    const ceiling = ceilings[round];
    if (ceiling === undefined || ceiling <= 0) {
      throw new RangeError(`${name}: the ceiling of round ${round} is ${ceiling ?? 'missing'}, not above 0`);
    }
    return sample / ceiling;
  });
}

/** Milliseconds the work takes, on a clock that is never set back. */
export async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Units per second: `count` of them are done by the work. */
export async function ratePerSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  return (count / (await elapsedMs(work))) * 1_000;
}

const SIGNIFICANT_DIGITS = 4;

/** One line of JSON. Numbers keep four significant digits: more would claim what no measurement here can hold. */
export function formatJson(figure: Figure): string {
  return JSON.stringify({
    bench: figure.bench,
    metric: figure.metric,
    value: rounded(figure.value),
    unit: figure.unit,
    ceiling: rounded(figure.ceiling),
    ratio: rounded(figure.ratio),
    n: figure.n,
    spread: rounded(figure.spread),
  });
}

function rounded<T extends number | null>(value: T): T {
  return (value === null ? null : Number(value.toPrecision(SIGNIFICANT_DIGITS))) as T;
}

const HEADINGS = ['bench', 'metric', 'value', 'unit', 'ceiling', 'ratio', 'n', 'spread'] as const;
const TEXT_COLUMNS: ReadonlySet<string> = new Set(['bench', 'metric', 'unit']);

/** The same figures for a person: a table, numbers to the right. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => HEADINGS.map((heading) => cell(figure, heading)));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, column) => {
        const width = widths[column] ?? 0;
        return TEXT_COLUMNS.has(HEADINGS[column] ?? '') ? text.padEnd(width) : text.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function cell(figure: Figure, heading: (typeof HEADINGS)[number]): string {
  const value = figure[heading];
  if (value === null) return '–';
  if (typeof value === 'string') return value;
  if (heading === 'spread') return `${Math.round(value * 100)} %`;
  return rounded(value).toLocaleString('en-US', { maximumSignificantDigits: SIGNIFICANT_DIGITS });
}
