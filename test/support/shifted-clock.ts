/**
 * The variables by which `npm run test:calendar` gives a process another clock (libfaketime). A test process has them
 * from its parent. PostgreSQL starts with an environment of its own, so whoever starts it for a test passes them on:
 * a server with another clock than ours would not be the one a user has.
 */
export function clockVariables(): Readonly<Record<string, string>> {
  const names = Object.keys(process.env).filter(
    (name) => name === 'LD_PRELOAD' || name === 'CLOCK_SHIFT_SECONDS',
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}

const MS_PER_SECOND = 1_000;

/**
 * Now, by the kernel's clock: of the object store, because a Go program asks the kernel and not the C library, and of the
 * times of files. A store of somebody else has a clock of its own, too.
 */
export function storeNowMs(): number {
  return Date.now() - Number(process.env['CLOCK_SHIFT_SECONDS'] ?? 0) * MS_PER_SECOND;
}
