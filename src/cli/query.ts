import type pg from 'pg';

import type { ArchiveReader } from '../archive/reader/archive-reader.ts';
import type { Config } from '../config/config.ts';
import { SettingsError } from '../config/settings.ts';
import { createEmbeddingStore } from '../database/embeddings/embedding-store.ts';
import { REPORT_WORK_MEM } from '../database/pool.ts';
import type { ArchiveAccess } from '../query/combined-answer.ts';
import { createRecordFinder } from '../query/record-finder.ts';
import { findSimilarInvestigations } from '../query/similar-investigations.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { createEmbedder } from '../services/create-embedder.ts';
import { openArchiveAccess } from '../services/open-archive.ts';
import { withCommandPool } from './command-pool.ts';
import { withOperatorProgress } from './operator-view.ts';
import { noteCommand, type WriteAnswer } from './read-audit.ts';
import { readRemediationCommand, remediationCommand } from './remediation.ts';
import { checkReportArguments, reportCommand } from './report.ts';
import { readSimilarQuestion, similarCommand } from './similar.ts';

/** A report over years may take long; nobody waits for it but the person who asked. */
const REPORT_TIMEOUT_MS = 600_000;

/**
 * `report NAME`: prints the answer to one of the named questions. The archive is opened only when
 * --include-archive is given, so that it need not be configured for the others; what was opened is closed,
 * also after an error.
 */
export async function runReport(args: readonly string[]): Promise<void> {
  checkReportArguments(args);
  await withReadPool('report', args, async ({ pool, config, write }) => {
    const opened: ArchiveReader[] = [];
    const openArchive = (): ArchiveAccess => {
      const access = openArchiveOfCommand(config);
      if ('reader' in access) opened.push(access.reader);
      return access;
    };
    try {
      await reportCommand(args, { pool, openArchive, signal: AbortSignal.timeout(REPORT_TIMEOUT_MS) }, write);
    } finally {
      for (const reader of opened) await reader.close();
    }
  });
}

/** One person asks one question, and may wait for it. */
function openArchiveOfCommand({ retention }: Config): ArchiveAccess {
  if (retention.archive.url === '')
    throw new SettingsError([
      'REMEDIATION_AUDIT_ARCHIVE_URL is not set; `report --include-archive` reads the archive',
    ]);
  return openArchiveAccess(retention, { timeoutMs: REPORT_TIMEOUT_MS });
}

/**
 * `similar`: prints the investigations that are most like a fingerprint or a text. Only vectors of one model
 * are compared, so this process needs the embedding settings of `work`.
 */
export async function runSimilar(args: readonly string[]): Promise<void> {
  readSimilarQuestion(args);
  await withReadPool('similar', args, ({ pool, config, write }) => {
    const store = createEmbeddingStore(pool);
    const embedder = createEmbedder(config.embedding, createRedactor(config.redaction));
    return similarCommand(args, (question) => findSimilarInvestigations(store, embedder, question), write);
  });
}

/**
 * `remediation show|timeline`: prints what the API answers about one remediation. The archive is read only as far as the
 * remediation needs it; what was opened is closed, also after an error.
 */
export async function runRemediation(args: readonly string[]): Promise<void> {
  readRemediationCommand(args);
  await withReadPool('remediation', args, async ({ pool, config, write }) => {
    const archive = openArchiveAccess(config.retention, { timeoutMs: REPORT_TIMEOUT_MS });
    const finder = createRecordFinder(pool, archive);
    try {
      await remediationCommand(args, { finder, signal: AbortSignal.timeout(REPORT_TIMEOUT_MS) }, write);
    } finally {
      if ('reader' in archive) await archive.reader.close();
    }
  });
}

interface Reading {
  readonly pool: pg.Pool;
  readonly config: Config;
  /** Notes in the audit of reads what the text holds, then prints it. */
  readonly write: WriteAnswer;
}

/**
 * One connection for one question, as the reader or, where only those are configured, as the writer or the owner.
 */
async function withReadPool(
  command: string,
  args: readonly string[],
  ask: (reading: Reading) => Promise<void>,
): Promise<void> {
  const database = {
    command,
    as: ['readerUrl', 'url', 'ownerUrl'],
    mayBeUnset: isHelp(args),
    statementTimeoutMs: REPORT_TIMEOUT_MS,
    workMem: REPORT_WORK_MEM,
  } as const;
  await withCommandPool(database, async (pool, config) => {
    await withOperatorProgress(`waiting for ${command}`, async ({ clear }) => {
      const write: WriteAnswer = async (text, read, aside) => {
        if (read !== undefined) await noteCommand(pool, config, read);
        clear();
        process.stdout.write(text);
        if (aside !== undefined) process.stderr.write(aside);
      };
      await ask({ pool, config, write });
    });
  });
}

function isHelp(args: readonly string[]): boolean {
  return args.length === 0 || args.includes('--help') || args.includes('-h');
}
