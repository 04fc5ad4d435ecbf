import { isatty } from 'node:tty';

import pino from 'pino';

import { Outages } from './outages.ts';

export type Logger = pino.Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const STANDARD_ERROR = 2;
const WARN = pino.levels.values['warn'] ?? Infinity;

/**
 * JSON lines on standard error, and lines for people where that is a terminal: standard output belongs to what a command
 * answers. `service` is in every line, and says which process wrote it.
 */
export function createLogger(level: LogLevel, service: string, outages?: Outages): Logger {
  const { err } = pino.stdSerializers;
  const timestamp = pino.stdTimeFunctions.isoTime;
  const destination = pino.destination(STANDARD_ERROR);
  return pino(
    {
      ...{ level, base: { service }, timestamp },
      // Temporal's SDK logs errors under `error`; without a serializer they come out as `{}`.
      serializers: { err, error: err },
      formatters: { level: (label) => ({ level: label }) },
      hooks: outages === undefined ? {} : { logMethod: gatherInto(outages) },
    },
    isatty(STANDARD_ERROR) ? readableLines(destination) : destination,
  );
}

/** The logger of a service, whose lines about a server that is away are gathered. */
export function createServiceLogger(level: LogLevel, service: string): { logger: Logger; outages: Outages } {
  const outages = new Outages((fields, message) => {
    logger.warn(fields, message);
  });
  const logger = createLogger(level, service, outages);
  return { logger, outages };
}

type LogMethod = NonNullable<NonNullable<pino.LoggerOptions['hooks']>['logMethod']>;

function gatherInto(outages: Outages): LogMethod {
  return function (args, method, level) {
    const [fields, message] = args as readonly unknown[];
    const write = (): void => {
      method.apply(this, args);
    };
    const server = serverIn(fields);
    const call = { message: typeof message === 'string' ? message : '', isUnanswered: level <= WARN, write };
    if (server === undefined || !outages.take(server, call)) write();
  };
}

function serverIn(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null || !('server' in fields)) return undefined;
  return typeof fields.server === 'string' ? fields.server : undefined;
}

/** Fields of a line that stand at its beginning, or say nothing to a person. */
const SHOWN_APART = new Set(['time', 'level', 'service', 'msg', 'stack']);
const TIME_OF_DAY = { from: 11, to: 19 } as const;

interface Line {
  readonly time: string;
  readonly level: string;
  readonly service: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string };
}

/** For a terminal: time, level, process, message, then the other fields; the stack of an error on lines of its own. */
function readableLines(out: { write(text: string): unknown }): { write(text: string): void } {
  return {
    write(text) {
      out.write(readableLine(text));
    },
  };
}

/** `text` is one line as the logger writes it. */
export function readableLine(text: string): string {
  const line = JSON.parse(text) as Line;
  const { time, level, service, msg = '', err } = line;
  const fields = Object.entries(line)
    .filter(([name]) => !SHOWN_APART.has(name) && name !== 'err')
    .map(([name, value]) => ` ${name}=${readableValue(value)}`)
    .join('');
  const stack = err?.stack === undefined ? '' : `\n  ${err.stack.replaceAll('\n', '\n  ')}`;
  const head = `${time.slice(TIME_OF_DAY.from, TIME_OF_DAY.to)} ${level.padEnd(5)} ${service}`;
  return `${head}: ${msg}${fields}${stack}\n`;
}

/** Words stay as they are; what has spaces, or is no text, is written as JSON. */
function readableValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
