import type { Connected } from './connection/connect.ts';
import type { CommandLine, Flags } from './flags.ts';
import type { CommandAnswer, OutputFormat } from './output/format.ts';

/** One question that a user may ask. */
export interface PluginCommand {
  readonly summary: string;
  /** Arguments without a hyphen, as the help shows them; empty for none. */
  readonly takes: string;
  readonly flags: Flags;
  /** The first is the default. */
  readonly formats: readonly OutputFormat[];
  readonly examples: readonly string[];
  /**
   * Reads the arguments, and throws a UsageError for a wrong one before anybody is asked. What it gives asks the service.
   */
  prepare(line: CommandLine): (connected: Connected, nowMs: number) => Promise<CommandAnswer>;
}
