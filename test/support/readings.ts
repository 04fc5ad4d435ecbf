import type { ResourceReading, Unread } from '../../src/kubernaut/observed-remediation.ts';
import { isUnread } from '../../src/kubernaut/observed-remediation.ts';

/** A reading that a test relies on being one. */
export function readable(reading: ResourceReading | Unread): ResourceReading {
  if (isUnread(reading)) throw new Error(`the resource was not read: ${reading.unread}`);
  return reading;
}
