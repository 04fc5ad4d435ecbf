import { SECOND_MS } from '../../src/domain/time.ts';

/**
 * Now, by the kernel's clock, which `npm run test:calendar` cannot move: of the times of files, also those that an object
 * store says of its objects. A file system of somebody else has a clock of its own, too.
 */
export function fileNowMs(): number {
  return Date.now() - Number(process.env['CLOCK_SHIFT_SECONDS'] ?? 0) * SECOND_MS;
}
