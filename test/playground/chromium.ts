import { access, constants, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { pictureBytes, pictureType } from '../support/shapes.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** How long to wait for what comes within a second, unless the machine is busy. */
export const patient = { timeout: 240_000 };

/** A browser that is installed here: what CHROMIUM_PATH names, or the first of its usual names; undefined if there is none. */
export async function findChromium(): Promise<string | undefined> {
  const named = process.env['CHROMIUM_PATH'] ?? '';
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = [
    ...(named === '' ? [] : [named]),
    ...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  for (const path of paths) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

export function launchChromium(executablePath: string): Promise<Browser> {
  // The sandbox needs rights that containers do not give.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'], ...patient });
}

/** Opens the playground with storage of its own. The test fails if the page reports an error, of its policy for example. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(patient.timeout);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    // What the server refuses is also told there.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(errors).toEqual([]);
  });
  await page.goto(url);
  return page;
}

/** Waits until the page has the model. */
export function ready(page: Page): Promise<void> {
  return page.locator('.served-name').waitFor();
}

/** Drops a reference picture onto the page. */
export async function dropPicture(page: Page, name: string): Promise<void> {
  const [base64, type] = [pictureBytes(name).toString('base64'), pictureType(name)];
  const dataTransfer = await page.evaluateHandle(`(() => {
    const bytes = Uint8Array.from(atob('${base64}'), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], '${name}', { type: '${type}' }));
    return transfer;
  })()`);
  await page.dispatchEvent('main', 'dragenter', { dataTransfer });
  await page.getByText('Drop to attach').waitFor();
  await page.dispatchEvent('main', 'drop', { dataTransfer });
  await page.getByRole('form', { name: 'Question' }).getByRole('img', { name }).waitFor();
}

/** Writes a question and sends it by the keyboard, once the model is there. */
export async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel('Question', { exact: true }).and(page.locator('textarea')).fill(question);
  await page.locator('button[aria-disabled=false]', { hasText: 'Send' }).waitFor();
  await page.keyboard.press('ControlOrMeta+Enter');
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe-core finds that keeps people out. */
export async function seriousViolations(page: Page): Promise<readonly string[]> {
  const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(await readFile(path, 'utf8'));
  const run = `axe.run({ resultTypes: ['violations'] })`;
  const { violations } = await page.evaluate<{ readonly violations: readonly Violation[] }>(run);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
