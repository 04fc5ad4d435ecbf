import { beforeAll, describe, expect, test } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import { missingSettings } from '../../src/config/missing-settings.ts';
import { PROCESSES, type ProcessName, READ_BY } from '../../src/config/process-variables.ts';
import { environmentOf, EVERYTHING, podsOf, renderChart } from '../support/chart.ts';
import { readCompose } from '../support/compose.ts';

type Environment = Readonly<Record<string, string>>;

/** Of both a watcher and a service that takes records, the cluster is part of every id. */
const NAMED_BY_CLUSTER: readonly ProcessName[] = ['watch', 'serve'];

let chart: ReadonlyMap<string, Environment>;
let chartWithArchive: ReadonlyMap<string, Environment>;

beforeAll(async () => {
  chart = await environmentsOfChart();
  chartWithArchive = await environmentsOfChart(...EVERYTHING);
});

async function environmentsOfChart(...values: readonly string[]): Promise<ReadonlyMap<string, Environment>> {
  const containers = podsOf(await renderChart(...values)).map((pod) => pod.containers[0]);
  return new Map(containers.map((container) => [container.args[0] ?? '', environmentOf(container)]));
}

const compose = new Map([...readCompose().services].map(([name, { environment }]) => [name, environment]));

function environment(deployment: ReadonlyMap<string, Environment>, process: ProcessName): Environment {
  const found = deployment.get(process);
  if (found === undefined) throw new Error(`no ${process} is deployed`);
  return found;
}

/** The kubelet adds this one to every container. */
const inCluster = (given: Environment): Environment => ({ ...given, KUBERNETES_SERVICE_HOST: '10.0.0.1' });

const missing = (process: ProcessName, given: Environment): readonly string[] =>
  missingSettings(process, readConfig(given)).map(({ sentence }) => sentence);

describe.each(PROCESSES)('%s', (process) => {
  test('has in compose all that it needs', () => {
    expect(missing(process, environment(compose, process))).toEqual([]);
  });

  test('has in the chart all that it needs', () => {
    expect(missing(process, inCluster(environment(chartWithArchive, process)))).toEqual([]);
  });

  test('lacks in the chart nothing but an archive, when no archive is set', () => {
    const lacking = missing(process, inCluster(environment(chart, process)));
    expect(lacking.filter((sentence) => !sentence.startsWith('REMEDIATION_AUDIT_ARCHIVE_URL'))).toEqual([]);
  });

  test('is given nothing that it does not read', () => {
    const read: readonly string[] = READ_BY[process];
    for (const deployment of [compose, chart, chartWithArchive]) {
      const given = Object.keys(environment(deployment, process));
      expect(given.filter((name) => !read.includes(name))).toEqual([]);
    }
  });

  test('gets the name of the cluster, where it reads it', () => {
    for (const deployment of [compose, chart]) {
      const isNamed = 'REMEDIATION_AUDIT_CLUSTER' in environment(deployment, process);
      expect(isNamed).toBe(NAMED_BY_CLUSTER.includes(process));
    }
  });
});
