import pino from 'pino';

export type Logger = pino.Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * JSON lines on standard error: standard output belongs to what a command answers. `service` is in every
 * line, and says which process wrote it.
 */
export function createLogger(level: LogLevel, service: string): Logger {
  const { err } = pino.stdSerializers;
  const timestamp = pino.stdTimeFunctions.isoTime;
  // Temporal's SDK logs errors under `error`; without a serializer they come out as `{}`.
  return pino({ level, base: { service }, timestamp, serializers: { err, error: err } }, pino.destination(2));
}
