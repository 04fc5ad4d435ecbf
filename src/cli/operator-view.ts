import { readUserEnvironment } from '../config/user-environment.ts';
import { viewFor } from '../plugin/output/terminal.ts';
import { type Progress, withProgress } from '../terminal/progress.ts';
import type { View } from '../terminal/view.ts';

/** How tables of operators are shown: as wide as the terminal, coloured on one alone, times as they are. In a pipe nothing is cut. */
export function operatorView(): View {
  return viewFor({ colour: 'auto', isExact: true }, process.stdout, readUserEnvironment());
}

/** Says at a terminal that the command goes on; see terminal/progress.ts for what `work` must do. */
export function withOperatorProgress<T>(what: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  return withProgress({ stream: process.stderr, terminal: readUserEnvironment().terminal, what }, work);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const STEP = 1_024;

/** `71.3 MiB`. */
export function sizeText(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= STEP && unit < UNITS.length - 1) [size, unit] = [size / STEP, unit + 1];
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit] ?? ''}`;
}
