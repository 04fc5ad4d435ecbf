import type { Figure } from './harness.ts';
import { compare, ratePerSecond, summarise } from './harness.ts';
import { quantile } from './statistics.ts';
import type { Shape, TemporalCeiling } from './temporal-ceiling.ts';

/** One signal each; what gathers while a signal is sent; a remediation that timed out while it was analysed. */
export const SHAPES: readonly Shape[] = [
  { observations: 8, signals: 8 },
  { observations: 8, signals: 3 },
  { observations: 26, signals: 5 },
];
const ROUNDS = 3;
const FEW_OBSERVATIONS = 1_000;
const LATENCY_SHARE = 20;
const WARM_UPS = 5;

export interface CeilingRequest {
  readonly bench: string;
  readonly ceiling: TemporalCeiling;
  /** Per round and shape. */
  readonly observations: number;
  readonly report: (line: string) => void;
}

/** Signal-with-start alone, the minimal batched workflow, and one signal until its activity, on one server. */
export async function ceilingFigures(request: CeilingRequest): Promise<readonly Figure[]> {
  const { report } = request;
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    for (const figure of await figuresOf(shape, request)) {
      report(`${figure.metric}: ${figure.value.toFixed(1)} ${figure.unit}`);
      figures.push(figure);
    }
  }
  return [...figures, ...(await latencyFigures(request))];
}

async function figuresOf(shape: Shape, { bench, ceiling, observations }: CeilingRequest): Promise<Figure[]> {
  const remediations = Math.max(1, Math.round(observations / shape.observations));
  const rounds = observations < FEW_OBSERVATIONS ? 1 : ROUNDS;
  const name = `${shape.observations} observations in ${shape.signals} signals`;
  return [
    await compare({
      bench,
      metric: `signal-with-start alone, ${name}`,
      unit: 'signals/s',
      rounds,
      figure: () => ratePerSecond(remediations * shape.signals, () => ceiling.signal(remediations, shape)),
    }),
    await compare({
      bench,
      metric: `minimal batched workflow, ${name}`,
      unit: 'observations/s',
      rounds,
      figure: () =>
        ratePerSecond(remediations * shape.observations, () => ceiling.record(remediations, shape)),
    }),
  ];
}

async function latencyFigures({ bench, ceiling, observations }: CeilingRequest): Promise<Figure[]> {
  const samples = Math.max(2, Math.round(observations / LATENCY_SHARE));
  const taken = (await ceiling.latencies(samples + WARM_UPS)).slice(WARM_UPS);
  return [0.5, 0.99].map((share) => ({
    ...summarise({ bench, metric: `signal to activity, p${share * 100}`, unit: 'ms' }, [
      quantile(taken, share),
    ]),
    n: taken.length,
  }));
}
