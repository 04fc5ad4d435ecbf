import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { reportCommand } from '../../src/cli/report.ts';
import { formatCsv, formatJson, formatTable } from '../../src/query/reports/formats.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import type { ReportAnswer } from '../../src/query/reports/run-report.ts';
import { runReport } from '../../src/query/reports/run-report.ts';
import { widthOf } from '../../src/terminal/text.ts';
import { PLAIN_VIEW } from '../../src/terminal/view.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordReportData } from './reports-data.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await recordReportData(database.writer);
});
afterAll(() => database.close());

async function command(...args: string[]): Promise<string> {
  let written = '';
  const openArchive = () => ({ missing: 'there is none here' });
  const means = { pool: database.writer, openArchive, signal: new AbortController().signal };
  await reportCommand(args, means, (text) => {
    written += text;
  });
  return written;
}

describe('`remediation-audit report`', () => {
  test('without a name lists every report with its question', async () => {
    const lines = (await command()).split('\n').map((line) => line.trim().replace(/ +/, ' '));
    for (const { name, question } of REPORTS) expect(lines).toContain(`${name} ${question}`);
  });

  test('NAME --help shows the flags with their defaults', async () => {
    const text = await command('slow-executions', '--help');
    expect(text).toMatch(/--longer-than +Only what took longer: `30s`, `2m`\. Default: 30 seconds/);
    expect(text).toMatch(/--since .* Default: 24 hours/);
    expect(text).toMatch(/--limit .* Default: 100/);
  });

  test('NAME shows a table for people', async () => {
    expect(await command('lock-effectiveness')).toBe(
      [
        'skip_reason         skip_count',
        'ResourceBusy                 2',
        'RecentlyRemediated           1',
        '(2 rows)',
        'basis: 11 records; skip_reason in 3',
        '',
      ].join('\n'),
    );
  });

  test('takes the flags of the report', async () => {
    expect(await command('slow-executions', '--longer-than', '80s', '--since=7d', '--format', 'csv')).toBe(
      'execution_id,action_type,target_resource_name,duration,job_resource_usage,remediation_id,workflow_ref\r\nk3,rollout_restart,web,00:01:30,,rr-k1,alert-12345-workflow\r\n',
    );
  });

  test('writes text that would be a formula with a quote before it, and as it is with --raw', async () => {
    await database.owner.query(`
      insert into kubernetes_execution_audit
        (id, created_at, created_at_source, cluster, source_version, revision, target_namespace, execution_id)
      values (gen_random_uuid(), now(), 'post', 'test', 1, 1, 'formulas', '=1+1')`);
    const args = ['namespace-actions', '--namespace', 'formulas', '--format', 'csv'];
    expect((await command(...args)).split('\r\n')[1]).toMatch(/^'=1\+1,/);
    expect((await command(...args, '--raw')).split('\r\n')[1]).toMatch(/^=1\+1,/);
  });

  test('writes JSON whose numbers have all their digits, and says what was asked', async () => {
    const text = await command('resource-usage', '--since', '1d', '--format', 'json');
    expect(text).toContain('"avg_memory_bytes":9007199254740993.');
    expect(JSON.parse(text)).toMatchObject({
      report: 'resource-usage',
      parameters: { since: '24:00:00' },
      rows: [{ action_type: 'scale_deployment' }, { action_type: 'rollout_restart' }],
    });
  });

  const mistakes: [string, string[], string][] = [
    [
      'an unknown report',
      ['no-such-report'],
      'there is no report "no-such-report"; known are recent-failures,',
    ],
    [
      'an unknown flag',
      ['recent-failures', '--sinc', '7d'],
      'usage: remediation-audit report recent-failures',
    ],
    ['an unknown format', ['recent-failures', '--format', 'xml'], '--format must be table, json, csv'],
    [
      'a time without a unit',
      ['recent-failures', '--since', '7'],
      '--since must be an instant such as 2026-11-01T00:00:00Z, or a length of time such as 7d',
    ],
    ['a time that lies ahead', ['recent-failures', '--since=-7h'], 'or a length of time such as 7d'],
    ['more time than there ever was', ['recent-failures', '--since', '40000d'], 'at most 36500 days'],
    [
      'no limit at all',
      ['slow-executions', '--limit', '0'],
      '--limit must be a whole number from 1 to 100000',
    ],
    ['an empty name', ['signal-records', '--fingerprint', ''], '--fingerprint must be text of 1 to 512'],
  ];
  test.each(mistakes)('refuses %s and says what it would take', async (_what, args, message) => {
    await expect(command(...args)).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('a length of time may be given as', () => {
  test.each([
    ['7d', '7 days'],
    ['2w', '14 days'],
    ['1d12h', '36:00:00'],
    ['24 hours', '24:00:00'],
    ['1 day 2 hours', '26:00:00'],
    ['90s', '00:01:30'],
    ['1.5h', '01:30:00'],
    ['500ms', '00:00:00.5'],
    ['P30D', '30 days'],
    ['PT2M3S', '00:02:03'],
  ])('%s', async (text, interval) => {
    const answer = await runReport(database.writer, 'recent-failures', { since: text });
    expect(answer.parameters).toEqual({ since: interval });
  });
});

test('a report that does not fit into one answer is refused, not shortened', async () => {
  await database.owner.query(`
    insert into kubernetes_execution_audit
      (id, created_at, created_at_source, cluster, source_version, revision, target_namespace)
    select gen_random_uuid(), now(), 'post', 'test', 1, 1, 'many-rows'
    from generate_series(1, 100001)`);
  await expect(runReport(database.writer, 'namespace-actions', { namespace: 'many-rows' })).rejects.toThrow(
    'namespace-actions has more than 100000 rows: ask for a shorter time with since',
  );
});

describe('every format keeps what the database said:', () => {
  const answer: ReportAnswer = {
    report: REPORTS[0],
    parameters: { since: null },
    columns: [
      { name: 'text', type: 'text' },
      { name: 'number', type: 'number' },
      { name: 'flag', type: 'boolean' },
      { name: 'at', type: 'instant' },
      { name: 'took', type: 'interval' },
      { name: 'json', type: 'json' },
    ],
    rows: [
      ['a,"b"\nc', '1.10', 't', '2026-11-21 10:00:00.5+00', '2 days 00:00:01', '{"n": 9007199254740993}'],
      ['', 'NaN', 'f', null, null, null],
      [null, '-12345678901234567890.5', null, null, null, null],
      ['\u001b[2Jred', '2e+20', null, null, null, '[]'],
    ],
    basis: { records: 4, fields: { flag: 2 }, isComplete: true },
    unsearched: undefined,
  };

  test('JSON', () => {
    expect(formatJson(answer)).toBe(
      '{"report":"recent-failures","parameters":{"since":null},"rows":[' +
        '{"text":"a,\\"b\\"\\nc","number":1.10,"flag":true,"at":"2026-11-21T10:00:00.500000Z","took":"2 days 00:00:01","json":{"n": 9007199254740993}},' +
        '{"text":"","number":"NaN","flag":false,"at":null,"took":null,"json":null},' +
        '{"text":null,"number":-12345678901234567890.5,"flag":null,"at":null,"took":null,"json":null},' +
        '{"text":"\\u001b[2Jred","number":2e+20,"flag":null,"at":null,"took":null,"json":[]}],"basis":{"records":4,"fields":{"flag":2},"complete":true,"note":null},"unsearched":null}\n',
    );
  });

  test('JSON, in which the phases of a signal have the durations that the struct of source 002 reads', () => {
    const phases = '[{"phase": "enriching", "duration": "00:00:02.5"}, {"phase": "classifying"}]';
    const signal: ReportAnswer = {
      ...answer,
      columns: [{ name: 'processing_phases', type: 'json' }],
      rows: [[phases], [null]],
    };
    const { rows } = JSON.parse(formatJson(signal)) as { rows: { processing_phases: unknown }[] };
    expect(rows.map((row) => row.processing_phases)).toEqual([
      [{ phase: 'enriching', duration: 2_500_000_000 }, { phase: 'classifying' }],
      null,
    ]);
    // In CSV it is what SQL reads with ::interval.
    expect(formatCsv(signal, { raw: false })).toContain('00:00:02.5');
  });

  test('CSV, where null and the empty text stay two things', () => {
    expect(formatCsv(answer, { raw: false }).split('\r\n')).toEqual([
      'text,number,flag,at,took,json',
      '"a,""b""\nc",1.10,true,2026-11-21T10:00:00.500000Z,2 days 00:00:01,"{""n"": 9007199254740993}"',
      '"",NaN,false,,,',
      ',-12345678901234567890.5,,,,',
      '\u001b[2Jred,2e+20,,,,[]',
      '',
    ]);
  });

  const formulas = ['=1+1', '+cmd', '-2+3', '@SUM(1)', '\t=1', '\r=1', '\n=1', '\uff1d1', 'a=1', "'=1"];
  const dangerous: ReportAnswer = {
    ...answer,
    columns: [
      { name: 'text', type: 'text' },
      { name: 'number', type: 'number' },
      { name: 'took', type: 'interval' },
      { name: 'json', type: 'json' },
    ],
    rows: formulas.map((text) => [text, '-1.50', '-00:00:01', '-7']),
  };

  test('CSV, where no text is a formula to a spreadsheet', () => {
    const [, ...lines] = formatCsv(dangerous, { raw: false }).split('\r\n');
    expect(lines).toEqual([
      "'=1+1,-1.50,-00:00:01,-7",
      "'+cmd,-1.50,-00:00:01,-7",
      "'-2+3,-1.50,-00:00:01,-7",
      "'@SUM(1),-1.50,-00:00:01,-7",
      "'\t=1,-1.50,-00:00:01,-7",
      '"\'\r=1",-1.50,-00:00:01,-7',
      '"\'\n=1",-1.50,-00:00:01,-7',
      "'\uff1d1,-1.50,-00:00:01,-7",
      'a=1,-1.50,-00:00:01,-7',
      "'=1,-1.50,-00:00:01,-7",
      '',
    ]);
  });

  test('CSV for programs, with --raw', () => {
    const [, ...lines] = formatCsv(dangerous, { raw: true }).split('\r\n');
    expect(lines[0]).toBe('=1+1,-1.50,-00:00:01,-7');
  });

  test('a table, where no value breaks a line or reaches the terminal as a command', () => {
    const lines = formatTable(answer, PLAIN_VIEW).split('\n');
    expect(lines).toHaveLength(8);
    expect(lines[1]).toContain('a,"b"\\nc');
    expect(lines[4]).toContain('\\e[2Jred');
    expect(lines[5]).toBe('(4 rows)');
    expect(lines[6]).toBe('basis: 4 records; flag in 2');
  });

  test('a table on a terminal is no wider than that, and keeps its columns', () => {
    const lines = formatTable(answer, { ...PLAIN_VIEW, width: 100 }).split('\n');
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(100);
    const [titles = ''] = lines;
    for (const { name } of answer.columns) expect(titles).toContain(name.slice(0, 3));
  });
});
