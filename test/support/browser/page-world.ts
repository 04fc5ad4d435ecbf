import type { Branch } from '../../../dev/simulator/stories.ts';
import { type ApiOptions, type RunningApi, startApi } from '../../../src/api/http/server.ts';
import type { ApiServices } from '../../../src/api/routes/api-routes.ts';
import { createRecordStore } from '../../../src/database/recording/record-store.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { testApiOptions } from '../api.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import { observationsOf } from '../simulated-states.ts';
import { type Look, TestBrowser, type View, type ViewOptions } from './browser.ts';

/** The service with a database of its own, and a browser in front of it. */
export class PageWorld implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly browser: TestBrowser;
  #api: RunningApi;

  private constructor(database: TestDatabase, browser: TestBrowser, api: RunningApi) {
    this.database = database;
    this.browser = browser;
    this.#api = api;
  }

  static async create(
    given: (database: TestDatabase) => Partial<ApiServices> & Partial<ApiOptions> = () => ({}),
  ): Promise<PageWorld> {
    const [database, browser] = await Promise.all([createTestDatabase(), TestBrowser.start()]);
    return new PageWorld(database, browser, await startApi(testApiOptions(database, given(database))));
  }

  get url(): string {
    return this.#api.url;
  }

  /** A browser that nobody has used before. */
  open(look?: Look, options?: ViewOptions): Promise<View> {
    return this.browser.open(this.url, look, options);
  }

  async record(observations: readonly Observation[]): Promise<void> {
    const store = createRecordStore(this.database.writer);
    // What is said of a sibling follows the sibling, as the workflow has it.
    for (const isFragment of [false, true]) {
      const some = observations.filter(({ fragment = false }) => fragment === isFragment);
      const refused = (await store.record(some)).filter(({ status }) => status === 'refused');
      if (refused.length > 0) throw new Error(`not recorded: ${JSON.stringify(refused)}`);
    }
  }

  /** Plays a story of the simulator to its end; its name. */
  async recordStory(branch: Branch, seed: number): Promise<string> {
    const { observations } = observationsOf(branch, 'G3', seed);
    await this.record(observations);
    return String(observations[0]?.columns['remediation_id']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.#api.stop();
    await this.database.close();
  }
}
