/**
 * The value below which the given share of the samples lies, between neighbours by linear interpolation: what
 * spreadsheets call PERCENTILE.INC and NumPy its default.
 */
export function quantile(samples: readonly number[], share: number): number {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`a quantile lies between 0 and 1, not at ${share}`);
  if (!samples.every(Number.isFinite)) {
    throw new RangeError(`cannot order samples that are not finite numbers: ${samples.join(', ')}`);
  }
  const sorted = samples.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError('no samples, so no quantile of them');
  return below + (above - below) * (position - Math.floor(position));
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/**
 * How far apart the samples lie: (p90 − p10) ÷ median. 0.05 means that four of five runs lie within about 5 % of each
 * other; 0 for a single sample. Unlike a standard deviation it does not move when one run in twenty is disturbed.
 */
export function spread(samples: readonly number[]): number {
  const width = quantile(samples, 0.9) - quantile(samples, 0.1);
  if (width === 0) return 0;
  const middle = median(samples);
  if (middle === 0) throw new RangeError('samples around 0 have no relative spread');
  return width / Math.abs(middle);
}
