import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { probeRoutes } from '../../src/api/routes/service-routes.ts';
import { readConfig } from '../../src/config/config.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { startHealthServer } from '../../src/observability/health-server.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { type ComposeService, interpolate, readCompose } from '../support/compose.ts';
import { parseDockerfile } from '../support/dockerfile.ts';
import { repositoryPath } from '../support/repository.ts';

const { text, services, volumes } = readCompose();
const OUR_IMAGE = 'remediation-audit:local';
const ours = [...services].filter(([, service]) => service.image === OUR_IMAGE);
/** Those that end are for the start of the others. */
const long = ours.filter(([name]) => name !== 'migrate' && name !== 'prepare');
const readText = (path: string) => readFileSync(repositoryPath(path), 'utf8');

function service(name: string): ComposeService {
  const found = services.get(name);
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** The value of a flag such as `--port=7233`. */
const flagOf = (name: string, flag: string) =>
  service(name)
    .command.find((word) => word.startsWith(`--${flag}=`))
    ?.slice(`--${flag}=`.length);

describe('the images', () => {
  test('are pinned to a version', () => {
    for (const [name, { image }] of services) {
      if (image === OUR_IMAGE) continue;
      expect(image, name).toMatch(/^[a-z0-9./-]+:\d+\.\d+\.\d+(-[a-z0-9-]+)?(@sha256:\w{64})?$/);
    }
  });

  test('are PostgreSQL 18 with pgvector, Temporal, and ours', () => {
    expect(service('postgres').image).toMatch(/^pgvector\/pgvector:.*-pg18(-|$)/);
    expect(service('temporal').image).toMatch(/^temporalio\/temporal:/);
    expect(ours.map(([name]) => name).toSorted()).toEqual(['migrate', 'prepare', 'serve', 'watch', 'work']);
  });

  test('have the Temporal version the tests run against', () => {
    const version = service('temporal').image.split(/[:@]/)[1] ?? '';
    expect(readText('dev/tools/temporal/go.mod')).toContain(`github.com/temporalio/cli v${version}`);
  });

  test('are built from the Dockerfile of the repository where they are ours', () => {
    for (const [name, { build }] of ours) {
      expect(build, name).toEqual({ context: '.', dockerfile: 'Dockerfile' });
    }
    expect(parseDockerfile(readText('Dockerfile')).length).toBeGreaterThan(0);
  });
});

describe('our processes', () => {
  test('are commands that the program knows', () => {
    const help = execFileSync(process.execPath, [repositoryPath('src/main.ts'), '--help'], {
      encoding: 'utf8',
    });
    for (const [name, { command }] of ours) {
      if (name === 'prepare') continue;
      expect(command, name).toHaveLength(1);
      expect(help).toMatch(new RegExp(`\\b${command[0] ?? ''}\\b`));
    }
  });

  test('get only variables that the configuration reads, with values it accepts', () => {
    for (const [name, { environment }] of ours) {
      expect(
        Object.keys(environment).filter((variable) => !Object.hasOwn(VARIABLES, variable)),
        name,
      ).toEqual([]);
      expect(() => readConfig(environment), name).not.toThrow();
    }
  });

  test('run without root, capabilities, or a file system they could change', () => {
    for (const [name, one] of ours) {
      expect(one, name).toMatchObject({
        readOnlyRoot: true,
        tmpfs: ['/tmp'],
        securityOptions: ['no-new-privileges:true'],
        capDrop: ['ALL'],
      });
      expect(one.user ?? '1000:1000', name).toMatch(/^[1-9][0-9]*:[1-9][0-9]*$/);
    }
  });

  test('start again when they end, and have more time to end than they take', () => {
    const { shutdownGraceSeconds } = readConfig({});
    for (const [name, one] of long) {
      expect(one.restart, name).toBe('unless-stopped');
      expect(one.stopGraceSeconds, name).toBeGreaterThan(shutdownGraceSeconds);
    }
    expect(service('work').stopGraceSeconds).toBe(40);
  });

  test('use each role only where it is needed', () => {
    const withOwner = ours.filter(([, one]) => Object.hasOwn(one.environment, 'DATABASE_OWNER_URL'));
    expect(withOwner.map(([name]) => name)).toEqual(['migrate', 'work']);
    const withReader = ours.filter(([, one]) => Object.hasOwn(one.environment, 'DATABASE_READER_URL'));
    expect(withReader.map(([name]) => name)).toEqual(['serve']);
  });
});

describe('addresses', () => {
  test('of the database name a service, a role, a database and a password that exist', () => {
    const database = service('postgres').environment;
    const roles = readText('migrations/bootstrap/roles.sql');
    const urls = ours.flatMap(([, one]) => [
      one.environment['DATABASE_URL'],
      one.environment['DATABASE_READER_URL'],
      one.environment['DATABASE_OWNER_URL'],
    ]);
    const given = urls.filter((url) => url !== undefined).map((url) => new URL(url));
    expect(given).toHaveLength(6);
    for (const url of given) {
      expect(services.has(url.hostname)).toBe(true);
      expect(roles).toContain(`'${url.username}'`);
      expect(url.pathname).toBe(`/${database['POSTGRES_DB'] ?? ''}`);
      expect(url.password).toBe(database[`${url.username.toUpperCase()}_PASSWORD`]);
    }
  });

  test('of the database keep their passwords when others are set', () => {
    // The same variable in both places, so that setting it once is enough.
    for (const name of ['AUDIT_OWNER_PASSWORD', 'AUDIT_WRITER_PASSWORD']) {
      expect(text.match(new RegExp(`\\$\\{${name}:-local-[a-z]+\\}`, 'g'))).toHaveLength(2);
    }
  });

  test('of Temporal name its service and its port', () => {
    const addresses = new Set(long.map(([name]) => service(name).environment['TEMPORAL_ADDRESS']));
    expect(addresses).toEqual(new Set([`temporal:${flagOf('temporal', 'port') ?? ''}`]));
    expect(flagOf('temporal', 'ip')).toBe('0.0.0.0');
    expect(service('temporal').healthcheck?.at(-1)).toBe(`127.0.0.1:${flagOf('temporal', 'port') ?? ''}`);
  });
});

describe('published ports', () => {
  test('are on loopback only: nothing here asks who is calling', () => {
    const published = [...services].flatMap(([, one]) => one.ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(published).toHaveLength(2);
  });

  test('are the API where the configuration puts it, and the Temporal UI', () => {
    const { api } = readConfig(service('serve').environment);
    expect(service('serve').ports).toEqual([`127.0.0.1:${api.port}:${api.port}`]);
    expect(api.port).toBe(Number(VARIABLES.REMEDIATION_AUDIT_API_PORT.default));
    const uiPort = flagOf('temporal', 'ui-port') ?? '';
    expect(service('temporal').ports).toEqual([`127.0.0.1:${uiPort}:${uiPort}`]);
    expect(flagOf('temporal', 'ui-ip')).toBe('0.0.0.0');
  });

  test('reach an API that listens beyond loopback, which its environment says is safe', () => {
    const { api } = readConfig(service('serve').environment);
    expect(api).toMatchObject({ host: '0.0.0.0', authMode: 'none', allowInsecureBind: true });
  });
});

describe('mounts', () => {
  const mounts = [...services].flatMap(([name, one]) => one.mounts.map((mount) => ({ name, ...mount })));
  const files = mounts.filter(({ source }) => source.startsWith('.'));

  test('of files are read-only and exist', () => {
    expect(files).toHaveLength(2);
    for (const { source, readOnly } of files) {
      expect(existsSync(repositoryPath(source)), source).toBe(true);
      expect(readOnly, source).toBe(true);
    }
  });

  test('of volumes are declared, and each declared one is used', () => {
    const named = mounts.filter(({ source }) => /^[a-z]/.test(source)).map(({ source }) => source);
    expect([...new Set(named)].toSorted()).toEqual(volumes.toSorted());
  });

  test('keep the data of PostgreSQL where version 18 has it, and the state of Temporal', () => {
    expect(service('postgres').mounts).toContainEqual({
      source: 'postgres-data',
      target: '/var/lib/postgresql',
      readOnly: false,
    });
    const [state] = service('temporal').mounts;
    expect(flagOf('temporal', 'db-filename')?.startsWith(`${state?.target ?? 'nowhere'}/`)).toBe(true);
  });

  test('keep the archive, its key and the folder for work where the configuration has them', () => {
    for (const name of ['work', 'serve']) {
      const { archive } = readConfig(service(name).environment).retention;
      const key = archive.keyFile === '' ? archive.trustedKeysFile : archive.keyFile;
      const targets = [fileURLToPath(archive.url), dirname(key), archive.workFolder];
      const mounted = service(name).mounts.map(({ target }) => target);
      expect(mounted.toSorted(), name).toEqual(targets.toSorted());
    }
  });

  test('are new volumes first where the image has a folder, whose user and mode they take', () => {
    const folders = [
      ...readText('Dockerfile').matchAll(/--owner=(\d+) --group=(\d+) --mode=\d+ (.+?) ?\\?$/gm),
    ];
    const owners = new Map(
      folders.flatMap(([, owner, group, names = '']) =>
        names
          .split(' ')
          .map((name) => [`/var/lib/remediation-audit/${name}`, `${owner ?? ''}:${group ?? ''}`]),
      ),
    );
    const ownerOf = (source: string) =>
      owners.get(service('prepare').mounts.find((mount) => mount.source === source)?.target ?? '');
    expect(
      service('prepare')
        .mounts.map(({ target }) => target)
        .toSorted(),
    ).toEqual([...owners.keys()].toSorted());
    for (const [name, source] of [
      ['temporal', 'temporal-data'],
      ['work', 'work-folder'],
      ['work', 'archive-keys'],
      ['serve', 'serve-folder'],
    ] as const) {
      expect(ownerOf(source), source).toBe(service(name).user ?? '1000:1000');
      expect(service(name).dependsOn['prepare'], name).toEqual({
        condition: 'service_completed_successfully',
      });
    }
  });

  test('let one process write the archive and the other read it, which has no private key', () => {
    const mountOf = (name: string, source: string) =>
      service(name).mounts.find((mount) => mount.source === source);
    expect(mountOf('work', 'archive')?.readOnly).toBe(false);
    expect(mountOf('serve', 'archive')?.readOnly).toBe(true);
    expect(mountOf('work', 'archive-keys')?.readOnly).toBe(false);
    expect(mountOf('serve', 'archive-keys')).toBeUndefined();
    expect(mountOf('serve', 'archive-public-keys')?.readOnly).toBe(true);
    expect(service('serve').user).not.toBe(service('work').user ?? '1000:1000');
    expect(service('work').environment['DATABASE_OWNER_URL']).toBeDefined();
    expect(service('serve').environment['DATABASE_OWNER_URL']).toBeUndefined();
  });

  test('give the watcher the kubeconfig its environment names', () => {
    const [kubeconfig] = service('watch').mounts;
    expect(kubeconfig?.target).toBe(service('watch').environment['KUBECONFIG']);
    expect(kubeconfig?.readOnly).toBe(true);
    expect(text).toContain('create_host_path: false');
  });

  test('run the roles before their passwords', () => {
    const scripts = files
      .map(({ target }) => target)
      .filter((target) => target.startsWith('/docker-entrypoint-initdb.d/'));
    expect(scripts.toSorted()).toEqual([
      '/docker-entrypoint-initdb.d/00-roles.sql',
      '/docker-entrypoint-initdb.d/10-passwords.sql',
    ]);
    // The image reads them as another user than the one who cloned the repository.
    for (const { source } of files) expect(statSync(repositoryPath(source)).mode & 0o044).toBe(0o044);
  });
});

describe('waiting for each other', () => {
  test('names services that exist, and health only where it is checked', () => {
    for (const [name, { dependsOn }] of services) {
      for (const [other, { condition }] of Object.entries(dependsOn)) {
        const needed = condition === 'service_healthy' ? service(other).healthcheck : service(other);
        expect(needed, `${name} waits for ${other}`).toBeDefined();
      }
    }
  });

  test('lets nobody write before the schema is there', () => {
    expect(service('migrate')).toMatchObject({
      restart: 'no',
      dependsOn: { postgres: { condition: 'service_healthy' } },
    });
    for (const name of ['work', 'serve']) {
      expect(service(name).dependsOn['migrate'], name).toEqual({
        condition: 'service_completed_successfully',
      });
    }
  });

  test('covers what a process connects to at start', () => {
    const waitsFor = (name: string) => Object.keys(service(name).dependsOn).toSorted();
    for (const [name, { environment }] of ours) {
      const needed = [
        ...(Object.hasOwn(environment, 'DATABASE_URL') ? ['migrate'] : []),
        ...(Object.hasOwn(environment, 'DATABASE_OWNER_URL') ? ['postgres'] : []),
        ...(Object.hasOwn(environment, 'REMEDIATION_AUDIT_ARCHIVE_URL') ? ['prepare'] : []),
        ...(Object.hasOwn(environment, 'TEMPORAL_ADDRESS') ? ['temporal'] : []),
      ];
      expect(waitsFor(name), name).toEqual(needed.toSorted());
    }
    expect(waitsFor('work')).toEqual(['migrate', 'postgres', 'prepare', 'temporal']);
  });
});

describe('health checks', () => {
  const PROBE = /http:\/\/127\.0\.0\.1:([0-9]+)(\/[a-z]+)/;
  const portOf = (name: string) => {
    const { api, worker, watcher } = readConfig(service(name).environment);
    return { serve: api.port, work: worker.metricsPort, watch: watcher.metricsPort }[name];
  };

  test('exist for everything that stays', () => {
    const without = [...services].filter(([, one]) => one.restart !== 'no' && one.healthcheck === undefined);
    expect(without.map(([name]) => name)).toEqual([]);
  });

  test('ask the port that the process listens on, for a path that it answers', () => {
    const probes = probeRoutes(
      { check: () => Promise.resolve('database' as const), pending: () => 0 },
      createMetrics(),
    );
    for (const [name, { healthcheck }] of long) {
      const [, port, path = ''] = PROBE.exec(healthcheck?.join(' ') ?? '') ?? [];
      expect(Number(port), name).toBe(portOf(name));
      // The other processes answer it on their health server: asked for real below.
      expect(path, name).toBe('/readyz');
      if (name === 'serve') expect(probes.map((probe) => probe.path)).toContain(path);
    }
  });

  test('of the database ask over TCP, because only the finished server listens there', () => {
    expect(service('postgres').healthcheck).toContain('--host=127.0.0.1');
    const database = service('postgres').environment['POSTGRES_DB'] ?? '';
    expect(service('postgres').healthcheck).toContain(`--dbname=${database}`);
  });

  test.each([
    { state: 'ready', exitCode: 0 },
    { state: 'not ready', exitCode: 1 },
    { state: 'gone', exitCode: 1 },
  ])('end with $exitCode when the process is $state', async ({ state, exitCode }) => {
    const health = await startHealthServer({
      host: '127.0.0.1',
      port: 0,
      registry: createMetrics().registry,
      logger: createLogger('silent', 'test'),
      notReady: () => (state === 'ready' ? undefined : 'on purpose'),
    });
    if (state === 'gone') await health.stop();
    for (const [, { healthcheck }] of long) {
      const [cmd, node, ...words] = healthcheck ?? [];
      expect([cmd, node]).toEqual(['CMD', 'node']);
      const args = words.map((word) => word.replace(/:[0-9]+\//, `:${health.port}/`));
      const probe = spawn(process.execPath, args, { stdio: 'ignore', timeout: 10_000 });
      const [code] = (await once(probe, 'exit')) as [number | null];
      expect(code).toBe(exitCode);
    }
    await health.stop();
  });
});

describe('variables', () => {
  test('all have a value when nobody sets any', () => {
    const used = [...text.matchAll(/\$\{([A-Z_]+)(:-)?/g)].filter(([, name]) => name !== 'HOME');
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter(([, , withDefault]) => withDefault === undefined)).toEqual([]);
  });

  test('of the database container are its image’s own or read by our script', () => {
    const script = readText('migrations/bootstrap/passwords.sql');
    const given = Object.keys(service('postgres').environment);
    const own = given.filter((name) => !name.startsWith('POSTGRES_'));
    expect(
      own.filter(
        (name) => !script.includes(`\\getenv ${name.toLowerCase().slice('audit_'.length)} ${name}\n`),
      ),
    ).toEqual([]);
    const read = [...script.matchAll(/\\getenv \S+ (\S+)/g)].map(([, name]) => name);
    expect(read.toSorted()).toEqual(own.toSorted());
  });

  test('are resolved as compose does it', () => {
    expect(interpolate('a-${B:-c}', {})).toBe('a-c');
    expect(interpolate('a-${B:-c}', { B: 'd' })).toBe('a-d');
    expect(interpolate('${A:-${B}/x}', { B: 'b' })).toBe('b/x');
    expect(interpolate('${A}', {})).toBe('');
    expect(() => interpolate('${A:?needed}', {})).toThrow('does not know');
  });
});
