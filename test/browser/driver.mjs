// Drives real browsers for the end-to-end tests: one JSON object a line on standard input, one answer a line on
// standard output, both with the same id. It ends, and closes its browsers, when standard input closes.
//
// A browser with a profile is a persistent context on that directory, so that closing and opening it again is what a person
// does. Only a graceful close writes the cookie database; nothing here kills a browser process. A browser without one is a
// context of its own in a process that all such browsers share: it has its own cookies, cache and storage.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import axe from 'axe-core';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.test 127.0.0.1'];
let common; // the process of the browsers without a profile
const patience = 60000; // milliseconds
const browsers = new Map(); // id -> {context, pages: Map, events}
let pages = 0;
const last = new WeakMap(); // page -> the newest document it got
const asked = new WeakMap(); // page -> the newest request for a document, answered or not
const coming = new WeakMap(); // page -> the request whose answer is not yet the document shown

const get = (b) => {
  const browser = browsers.get(b);
  if (!browser) throw new Error(`no browser ${b}`);
  return browser;
};
const page = (c) => {
  const p = get(c.browser).pages.get(c.page);
  if (!p) throw new Error(`no page ${c.page}`);
  return p;
};

function adopt(browser, p, timeout) {
  const id = `p${++pages}`;
  p.setDefaultTimeout(timeout);
  p.setDefaultNavigationTimeout(timeout);
  p.on('console', (m) => { if (m.type() === 'error') browser.events.push(`console: ${m.text()}`); });
  const document = (r) => r.isNavigationRequest() && r.frame() === p.mainFrame();
  p.on('request', (r) => { if (document(r)) asked.set(p, r); });
  p.on('response', (r) => {
    if (!document(r.request()) || (r.status() > 299 && r.status() < 400)) return;
    last.set(p, r);
    coming.set(p, r.request());
  });
  p.on('framenavigated', (f) => { if (f === p.mainFrame()) coming.delete(p); });
  p.on('pageerror', (e) => browser.events.push(`page error: ${e.message}`));
  browser.pages.set(id, p);
  return id;
}

const pause = () => new Promise((resolve) => { setTimeout(resolve, 20); });

// settle goes along with pages that move on by themselves (a Refresh header) and tells where that ends. The events of one
// navigation (asked, answered, committed) come one by one and may come after the one that the caller waited for: settled is
// a page whose newest request was answered and whose newest answer is the document shown.
async function settle(p, response) {
  const open = (r) => r !== undefined && !r.failure();
  const waiting = () => (asked.get(p) !== last.get(p)?.request() && open(asked.get(p))) || (coming.has(p) && open(coming.get(p)));
  const moving = () => waiting() || last.get(p)?.headers().refresh !== undefined;
  for (let i = 0; i < patience / 20 && moving(); i++) await pause();
  if (moving()) throw new Error(`${p.url()} does not move on`);
  await p.waitForLoadState('load');
  return { url: p.url(), status: response ? (last.get(p) || response).status() : 0 };
}

// target finds what a person would name: the text of a button or link, or the label of a field.
function target(p, name) {
  const exact = { name, exact: true };
  return p.getByRole('button', exact).or(p.getByRole('link', exact)).or(p.getByRole('checkbox', exact))
    .or(p.getByLabel(name, { exact: true })).first();
}

const commands = {
  async launch(c) {
    const process = {
      executablePath: c.executable,
      headless: true,
      args: [...flags, ...(c.args || [])],
      ignoreDefaultArgs: [...(c.popups_blocked ? ['--disable-popup-blocking'] : []), ...(c.page_cache ? ['--disable-back-forward-cache'] : [])],
      timeout: patience,
    };
    const look = {
      viewport: { width: c.width || 1280, height: c.height || 800 },
      colorScheme: c.dark ? 'dark' : 'light',
      ignoreHTTPSErrors: !!c.ignore_https_errors,
      javaScriptEnabled: !c.no_javascript,
      locale: c.locale || 'en-US',
    };
    if (!c.profile) common ||= chromium.launch(process);
    const context = c.profile
      ? await chromium.launchPersistentContext(c.profile, { ...process, ...look })
      : await (await common).newContext(look);
    const browser = { context, pages: new Map(), events: [] };
    browsers.set(c.browser, browser);
    return { page: adopt(browser, context.pages()[0] || await context.newPage(), c.timeout || patience) };
  },
  async close(c) {
    const { context } = get(c.browser);
    browsers.delete(c.browser);
    await context.close();
  },
  async newPage(c) {
    const browser = get(c.browser);
    return { page: adopt(browser, await browser.context.newPage(), c.timeout || patience) };
  },
  // popup adopts a window that a page has opened: the one that came first among those not known yet.
  async popup(c) {
    const browser = get(c.browser);
    for (let i = 0; i < patience / 20; i++) {
      const known = [...browser.pages.values()];
      const p = browser.context.pages().find((one) => !known.includes(one));
      if (p) return { page: adopt(browser, p, c.timeout || patience) };
      await pause();
    }
    throw new Error('no window was opened');
  },
  async closed(c) { return { value: page(c).isClosed() }; },
  // goto settles when the document has loaded; a refused connection is an error, a 4xx or 5xx is not.
  async goto(c) { const p = page(c); return settle(p, await p.goto(c.url, { waitUntil: 'load' })); },
  async reload(c) { const p = page(c); return settle(p, await p.reload({ waitUntil: 'load' })); },
  async back(c) { const p = page(c); return settle(p, await p.goBack({ waitUntil: 'load' })); },
  async forward(c) { const p = page(c); return settle(p, await p.goForward({ waitUntil: 'load' })); },
  // click waits for the navigation that the click starts, if navigate is set: the answer then bears its status.
  async click(c) {
    const p = page(c);
    const element = c.selector ? p.locator(c.selector).first() : target(p, c.name);
    if (!c.navigate) { await element.click(); return {}; }
    const [response] = await Promise.all([
      p.waitForNavigation({ waitUntil: 'load' }), element.click({ noWaitAfter: true })]);
    return settle(p, response);
  },
  // frameText and frameTap look at the one frame of a page.
  async frameText(c) { return { value: await page(c).frameLocator('iframe').locator('body').innerText() }; },
  async frameTap(c) { await target(page(c).frameLocator('iframe'), c.name).click({ noWaitAfter: true }); },
  async has(c) { return { value: await target(page(c), c.name).isVisible() }; },
  async check(c) { await target(page(c), c.name).check(); },
  async press(c) { await page(c).keyboard.press(c.key); },
  async focused(c) { return { value: await page(c).evaluate(() => document.activeElement?.textContent?.trim() || '') }; },
  async waitURL(c) {
    const p = page(c);
    await p.waitForURL((u) => u.href.includes(c.text), { waitUntil: 'load' });
    return settle(p);
  },
  async text(c) { return { value: await page(c).locator('body').innerText() }; },
  async content(c) { return { value: await page(c).content() }; },
  async url(c) { return { value: page(c).url() }; },
  // look changes how a page is shown, without loading it again.
  async look(c) {
    const p = page(c);
    await p.setViewportSize({ width: c.width, height: c.height });
    await p.emulateMedia({ colorScheme: c.dark ? 'dark' : 'light', reducedMotion: 'reduce' }); // no colour half way to another
  },
  async screenshot(c) { await page(c).screenshot({ path: c.path, fullPage: !!c.full }); },
  async evaluate(c) { return { value: await page(c).evaluate(c.script) }; },
  // fetch is a script's request from the page: its status, headers, final address and body.
  async fetch(c) {
    return { value: await page(c).evaluate(async ({ url, init }) => {
      const r = await fetch(url, init);
      return { status: r.status, url: r.url, redirected: r.redirected, headers: Object.fromEntries(r.headers), body: await r.text() };
    }, { url: c.url, init: c.init || {} }) };
  },
  // websocket sends one text and gives back the first answer, or how the handshake or connection ended.
  async websocket(c) {
    return { value: await page(c).evaluate(({ url, text }) => new Promise((resolve) => {
      const ws = new WebSocket(url);
      const timer = setTimeout(() => resolve('timeout'), 30000);
      const done = (v) => { clearTimeout(timer); resolve(v); ws.close(); };
      ws.onopen = () => ws.send(text);
      ws.onmessage = (e) => done(`message: ${e.data}`);
      ws.onerror = () => done('error');
      ws.onclose = (e) => done(`closed: ${e.code}`);
    }), { url: c.url, text: c.text }) };
  },
  async cookies(c) { return { value: await get(c.browser).context.cookies(c.urls) }; },
  async addCookies(c) { await get(c.browser).context.addCookies(c.cookies); },
  async clearCookies(c) { await get(c.browser).context.clearCookies(c.filter || {}); },
  async events(c) { return { value: get(c.browser).events }; },
  async axe(c) {
    // axe-core is loaded once for each page, and describes only what it holds against it: its own builder for Playwright takes
    // several times as long. It leaves out frames; no page of ours has one.
    const p = page(c);
    if (!await p.evaluate(() => 'axe' in window)) await p.evaluate(axe.source);
    const { violations, passes } = await p.evaluate((tags) => window.axe.run(document, {
      runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'], iframes: false,
    }), ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
    return {
      value: violations.map((v) => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.map((n) => n.html).join(' | ')}`),
      passes: passes.length,
    };
  },
};

function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: no end after ${ms} ms`)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const c = JSON.parse(line);
  let answer;
  try {
    answer = (await within(commands[c.do](c), c.limit || 1.5 * patience, c.do)) || {};
  } catch (err) {
    answer = { error: `${c.do}: ${err.message}` };
  }
  process.stdout.write(`${JSON.stringify({ id: c.id, ...answer })}\n`);
}).on('close', async () => {
  await Promise.allSettled([...browsers.values()].map((b) => within(b.context.close(), patience, 'close')));
  if (common) await within(common.then((b) => b.close()), patience, 'close').catch(() => {});
  process.exit(0);
});
