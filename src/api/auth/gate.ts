/** What a caller may be allowed to do; the verbs of the virtual resource `audits.remediation-audit`. */
export type Verb = 'create' | 'get' | 'list' | 'hold' | 'restore';

/** Who calls, as it goes into the ledger and the log. */
export interface Caller {
  readonly name: string;
}

/** Decides who is calling and what they may do. One per mode. */
export interface Gate {
  /**
   * Names the caller if it may do this. Throws the problem that says why not. Answers at once, without a promise, when
   * nobody has to be asked.
   */
  admit(authorization: string | undefined, verb: Verb): Caller | Promise<Caller>;
  close(): Promise<void>;
}

/** For loopback only: nobody is asked, everything is allowed. */
export function createOpenGate(): Gate {
  const caller: Caller = { name: 'anonymous' };
  return { admit: () => caller, close: () => Promise.resolve() };
}
