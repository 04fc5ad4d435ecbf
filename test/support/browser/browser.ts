import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

import { chromiumFiles } from './chromium-files.ts';

/** How somebody looks at the page. */
export interface Look {
  readonly theme: 'light' | 'dark';
  readonly device: 'phone' | 'desktop';
}

export const DESKTOP: Look = { theme: 'light', device: 'desktop' };
export const PHONE: Look = { theme: 'light', device: 'phone' };
/** The first and the last differ in both: `someOf` of two of them has each theme and each device. */
export const LOOKS: readonly Look[] = [
  DESKTOP,
  { theme: 'dark', device: 'desktop' },
  PHONE,
  { theme: 'dark', device: 'phone' },
];

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

/** A page that is open, and what went wrong on it since. */
export interface View {
  readonly page: Page;
  /** Errors of the console and of scripts, and requests to another host, in their order. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Chromium, one for a test file: its start takes longer than everything else. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    const { executable, env } = await chromiumFiles();
    return new TestBrowser(
      await chromium.launch({
        executablePath: executable,
        env: { ...process.env, ...env },
        // Containers, in which tests run, give no process the rights that the sandbox needs.
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
        headless: true,
      }),
    );
  }

  /** A page of a browser that nobody has used before, not yet anywhere. */
  async open(base: string, look: Look = DESKTOP, options: ViewOptions = {}): Promise<View> {
    const context = await this.#browser.newContext({
      baseURL: base,
      colorScheme: look.theme,
      viewport: SIZES[look.device],
      isMobile: look.device === 'phone',
      hasTouch: look.device === 'phone',
      reducedMotion: 'reduce',
      locale: 'en-GB',
      timezoneId: 'UTC',
      ...options,
    });
    const page = await context.newPage();
    return { page, faults: noteFaults(page, new URL(base).host), close: () => closeContext(context) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

export interface ViewOptions {
  readonly extraHTTPHeaders?: Record<string, string>;
  readonly javaScriptEnabled?: boolean;
}

function noteFaults(page: Page, host: string): readonly string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => {
    faults.push(`script: ${error.message}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.host !== host && url.protocol !== 'data:') faults.push(`request to ${url.href}`);
  });
  return faults;
}

function closeContext(context: BrowserContext): Promise<void> {
  return context.close();
}
