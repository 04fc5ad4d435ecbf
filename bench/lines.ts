/** Does the work so many times, so many at once, one after the other in each line. */
export async function inLines(atOnce: number, count: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  const line = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, line));
}
