import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { TestBrowser } from '../support/browser/browser.ts';
import { faultsOf, policyFaults } from '../support/browser/checks.ts';

/*
 * What the tests of the page rely on: a page with a fault does not pass. Each page here has one.
 */

let browser: TestBrowser;
let server: Server;
let base: string;

const POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:";
const PAGES: Readonly<Record<string, { readonly body: string; readonly policy?: string }>> = {
  '/sound': { body: '<p>All is well.</p>' },
  '/unnamed': { body: '<input type="text">' },
  '/inline': { body: '<p>All is well.</p><script>document.title = "run";</script>' },
  '/wide': { body: '<pre>' + 'x'.repeat(5_000) + '</pre>' },
  '/elsewhere': { body: '<p>All is well.</p><img alt="" src="http://other.invalid/image.png">' },
  '/unsafe': { body: '<p>All is well.</p>', policy: "default-src 'none'; script-src 'unsafe-inline'" },
};

beforeAll(async () => {
  browser = await TestBrowser.start();
  server = createServer((request, response) => {
    const { body, policy = POLICY } = PAGES[request.url ?? ''] ?? { body: '' };
    response.setHeader('content-security-policy', policy);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Test</title>
       <link rel="icon" href="data:,"><main><h1>Test</h1>${body}</main>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  server.close();
});

async function faultsAt(path: string): Promise<string> {
  const view = await browser.open(base);
  try {
    const response = await view.page.goto(path);
    return [...policyFaults(response), ...(await faultsOf(view))].join('\n');
  } finally {
    await view.close();
  }
}

test('a page without a fault passes', async () => {
  expect(await faultsAt('/sound')).toBe('');
});

test.each([
  ['a field without a name', '/unnamed', /^label: /m],
  ['a script in the page', '/inline', /^console: .*Content Security Policy/m],
  ['a page that is wider than the screen', '/wide', /pixels wider/],
  ['a request to another host', '/elsewhere', /^request to http:\/\/other\.invalid/m],
  ['an unsafe policy', '/unsafe', /too much is allowed/],
])('%s is a fault', async (_name, path, fault) => {
  expect(await faultsAt(path)).toMatch(fault);
});
