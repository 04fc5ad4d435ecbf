import { beforeAll, describe, expect, test } from 'vitest';

import { readConfig } from '../../src/config/config.ts';
import { missingSettings } from '../../src/config/missing-settings.ts';
import { PROCESSES, type ProcessName, READ_BY, WORK_READS } from '../../src/config/process-variables.ts';
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
  return new Map(containers.map((container) => [container.name, environmentOf(container)]));
}

const compose = new Map([...readCompose().services].map(([name, { environment }]) => [name, environment]));

/** The chart has a container per queue of `work`. */
const containersOf = (process: ProcessName): readonly string[] =>
  process === 'work' ? ['recording', 'maintenance'] : [process];

function environment(deployment: ReadonlyMap<string, Environment>, name: string): Environment {
  const found = deployment.get(name);
  if (found === undefined) throw new Error(`no ${name} is deployed`);
  return found;
}

/** What every container of a process is given: in compose one, in the chart perhaps two. */
function environmentsOf(process: ProcessName): readonly Environment[] {
  const inChart = [chart, chartWithArchive].flatMap((deployment) =>
    containersOf(process).map((name) => environment(deployment, name)),
  );
  return [environment(compose, process), ...inChart];
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
    for (const name of containersOf(process))
      expect(missing(process, inCluster(environment(chartWithArchive, name)))).toEqual([]);
  });

  test('lacks in the chart nothing but an archive, when no archive is set', () => {
    const lacking = containersOf(process).flatMap((name) =>
      missing(process, inCluster(environment(chart, name))),
    );
    expect(lacking.filter((sentence) => !sentence.startsWith('REMEDIATION_AUDIT_ARCHIVE_URL'))).toEqual([]);
  });

  test('is given nothing that it does not read', () => {
    const read: readonly string[] = READ_BY[process];
    for (const given of environmentsOf(process))
      expect(Object.keys(given).filter((name) => !read.includes(name))).toEqual([]);
  });

  test('gets the name of the cluster, where it reads it', () => {
    for (const given of environmentsOf(process))
      expect('REMEDIATION_AUDIT_CLUSTER' in given).toBe(NAMED_BY_CLUSTER.includes(process));
  });
});

test.each(['recording', 'maintenance'] as const)(
  '%s in the chart is given nothing of the other part of `work`',
  (part) => {
    const read: readonly string[] = WORK_READS[part];
    for (const deployment of [chart, chartWithArchive])
      expect(Object.keys(environment(deployment, part)).filter((name) => !read.includes(name))).toEqual([]);
  },
);
