/** An address to listen on, and where it came from. */
export interface Listening {
  /** What listens, for people: it begins a sentence. */
  readonly use: string;
  readonly host: string;
  readonly port: number;
  /** The variables that chose host and port; a message names the one to change. */
  readonly hostVariable: string;
  readonly portVariable: string;
}

/**
 * Runs `start`. When the address is refused, the error says what it was for and which variable chooses
 * another one; every other error passes as it is.
 */
export async function listening<T>(
  { use, host, port, hostVariable, portVariable }: Listening,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error: unknown) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || (syscall !== 'listen' && syscall !== 'getaddrinfo')) throw error;
    const remedy = REMEDIES[code]?.(portVariable) ?? `choose another address with ${hostVariable}`;
    throw new Error(`${use} cannot listen on ${host}, port ${port} (${code}): ${remedy}`, { cause: error });
  }
}

/** By the code of the error. Any other code is about the address, not the port. */
const REMEDIES: Readonly<Record<string, (portVariable: string) => string>> = {
  EADDRINUSE: (variable) => `another process has it; end that one, or choose another port with ${variable}`,
  EACCES: (variable) => `this user may not use that port; choose one above 1023 with ${variable}`,
};
