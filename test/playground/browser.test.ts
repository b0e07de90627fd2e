import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openServer } from '../../src/server/index.ts';
import { mediaSettings, serverSettings } from '../server/support/settings.ts';
import { scriptedModel } from '../server/support/scripted-model.ts';
import { modelName, serve, serveModel } from '../server/support/serve.ts';
import { Gate } from '../support/gate.ts';
import { pdfOf } from '../support/pdf.ts';
import { loadShapes } from '../support/shapes-engine.ts';
import {
  ask,
  dropPicture,
  findChromium,
  launchChromium,
  openPage,
  patient,
  ready,
  seriousViolations,
} from './chromium.ts';

const executable = await findChromium();
const picture = '000-0.png';

if (executable === undefined) {
  it.skip('the playground: Chromium is not installed. Name one by CHROMIUM_PATH to test the page in it', () =>
    undefined);
}

const answers = (page: Page) => page.getByRole('region', { name: /^Answer/ });
const actionsOf = (page: Page) => page.getByRole('button', { name: 'Copy the request as code' });

describe.skipIf(executable === undefined)('the playground, in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(executable ?? '');
  });
  afterAll(() => browser.close());

  it('shows the answer to a dropped picture as it comes, then its figures', async () => {
    const gate = new Gate();
    const server = await serve({ beforeDelta: (index) => (index === 4 ? gate.opened : undefined) });
    const page = await openPage(browser, server.url);
    await ready(page);
    await dropPicture(page, picture);
    await ask(page, 'What is **this** thing?');
    await answers(page).locator('strong', { hasText: 'this' }).waitFor();
    expect(await answers(page).textContent()).not.toContain('thing');
    expect(await page.getByRole('button', { name: 'Stop' }).isVisible()).toBe(true);
    gate.open();
    await actionsOf(page).waitFor();
    expect(await answers(page).textContent()).toMatch(
      /\[image \d+x\d+\] What is this thing\?.*First token.*Prompt.*Answer/s,
    );
    expect(await page.getByRole('status').textContent()).toContain('Answer: [image');
    expect(server.generateRequests[0]?.messages[0]?.content.map(({ type }) => type)).toEqual(['image', 'text']);
  });

  it('sends PDFs, whose pages the model sees, and says which files it cannot send', async () => {
    const { url, generateRequests } = await serve();
    const page = await openPage(browser, url);
    await ready(page);
    const files = page.locator('input[type=file][multiple]');
    await files.setInputFiles([
      { name: 'scan.pdf', mimeType: 'application/pdf', buffer: pdfOf({}, {}) },
      { name: 'song.mp3', mimeType: 'audio/mpeg', buffer: Buffer.from('ID3') },
    ]);
    await page.getByText('song.mp3 cannot be sent: this model takes pictures and PDFs.').waitFor();
    await page.getByText('scan.pdf', { exact: true }).waitFor();
    await ask(page, 'How many pages?');
    await actionsOf(page).waitFor();
    expect(generateRequests[0]?.messages[0]?.content.map(({ type }) => type)).toEqual(['image', 'image', 'text']);
  });

  it('stops an answer at Escape, here and in the server', async () => {
    const ended = new Gate();
    const { url } = await serve({
      beforeDelta: (index) => (index === 2 ? new Gate().opened : undefined),
      onEndEarly: () => ended.open(),
    });
    const page = await openPage(browser, url);
    await ask(page, 'one two three');
    await answers(page).getByText('one two').waitFor();
    await page.keyboard.press('Escape');
    await answers(page).getByText('Stopped').waitFor();
    await ended.opened;
    await page.getByRole('button', { name: 'Send' }).waitFor();
  });

  it('keeps conversations over a reload, with their pictures, and renames, exports and deletes them', async () => {
    const { url, generateRequests } = await serve();
    const page = await openPage(browser, url);
    await dropPicture(page, picture);
    await ask(page, 'first question');
    await page.getByRole('button', { name: 'Ask again' }).waitFor();
    await page.reload();
    await page.getByText('first question').first().waitFor();
    await page.getByRole('article').getByRole('img', { name: picture }).waitFor();
    await ask(page, 'second question');
    await expect.poll(() => actionsOf(page).count(), patient).toBe(2);
    expect(generateRequests[1]?.messages.map(({ content }) => content.map(({ type }) => type))).toEqual([
      ['image', 'text'],
      ['text'],
      ['text'],
    ]);

    await page.getByRole('button', { name: 'Rename first question' }).click();
    await page.getByLabel('Name of the conversation').fill('renamed');
    await page.keyboard.press('Enter');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export renamed' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('renamed.json');
    const exported = JSON.parse(await readFile(await download.path(), 'utf8')) as {
      turns: { question: string; attachments: { url: string }[] }[];
    };
    expect(exported.turns.map(({ question }) => question)).toEqual(['first question', 'second question']);
    expect(exported.turns[0]?.attachments[0]?.url).toMatch(/^data:image\/png;base64,/);

    await page.getByRole('button', { name: 'Delete renamed' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Ask about a picture').first().waitFor();
    await page.reload();
    await ready(page);
    expect(await page.getByText('first question').count()).toBe(0);
  });

  it('asks with two settings at once, and shows both answers', async () => {
    const { url, generateRequests } = await serve();
    const page = await openPage(browser, url);
    await page.getByLabel('Compare two settings').check();
    await page.getByRole('group', { name: 'Settings A' }).getByLabel('Temperature').fill('0');
    await page.getByRole('group', { name: 'Settings B' }).getByLabel('Temperature').fill('1.5');
    await page.getByRole('group', { name: 'Settings B' }).getByLabel('System prompt').fill('Be odd.');
    await ask(page, 'the same');
    await expect.poll(() => actionsOf(page).count(), patient).toBe(2);
    expect(await answers(page).allTextContents()).toEqual([
      expect.stringMatching(/^Answer A.*the same/),
      expect.stringMatching(/^Answer B.*the same/),
    ]);
    // In whatever order they came.
    const asked = generateRequests.map(({ messages, sampling }) => [messages.length, sampling.temperature]);
    expect(new Set(asked.map(String))).toEqual(new Set(['1,0', '2,1.5']));
  });

  it('will not send settings that are wrong, and says what is', async () => {
    const { url } = await serve();
    const page = await openPage(browser, url);
    await ready(page);
    await page.getByLabel('Top P').fill('2');
    await page.getByText('Must be a number from 0 to 1').waitFor();
    await page.locator('#question').fill('one');
    expect(await page.getByRole('button', { name: 'Send' }).getAttribute('aria-disabled')).toBe('true');
  });

  it('draws the boxes of an answer over the picture', async () => {
    const { url } = await serveModel(
      scriptedModel({ text: 'Here:\n[{"bbox_2d": [0, 500, 1000, 1000], "label": "floor"}]' }),
    );
    const page = await openPage(browser, url);
    await ready(page);
    await dropPicture(page, picture);
    await ask(page, 'Where?');
    const drawn = page.locator('svg .box rect');
    await drawn.waitFor();
    const image = await page.locator('.overlay img').boundingBox();
    const box = await drawn.boundingBox();
    expect(box?.width).toBeCloseTo(image?.width ?? 0, -1);
    expect((box?.height ?? 0) / (image?.height ?? 1)).toBeCloseTo(0.5, 1);
    // It came below the end of the page, and was followed.
    await expect
      .poll(
        () =>
          page
            .getByLabel('Order')
            .boundingBox()
            .then((place) => place?.y ?? 0),
        patient,
      )
      .toBeLessThan(800);
    await page.getByLabel('Order').selectOption('y, x, y, x');
    await expect.poll(async () => (await drawn.boundingBox())?.height, patient).toBeCloseTo(image?.height ?? 0, -1);
    expect(await seriousViolations(page)).toEqual([]);
  });

  it('shows what a model says, and does nothing of it', async () => {
    const text = '<img src=x onerror=alert(1)> [run](javascript:alert(1)) ![p](http://example.com/p.png) **bold**';
    const { url } = await serveModel(scriptedModel({ text, reasoning: 'Let me think.' }));
    const page = await openPage(browser, url);
    await ask(page, 'Go');
    await answers(page).locator('strong', { hasText: 'bold' }).waitFor();
    expect(await answers(page).locator('img').count()).toBe(0);
    expect(await answers(page).textContent()).toContain('<img src=x onerror=alert(1)>');
    expect(await answers(page).locator('a[href^=javascript]').count()).toBe(0);
    expect(await answers(page).getByRole('link', { name: 'p' }).getAttribute('rel')).toBe('noopener noreferrer');
    expect(await page.getByText('Let me think.').isVisible()).toBe(false);
    await answers(page).getByText('Reasoning', { exact: true }).click();
    expect(await page.getByText('Let me think.').isVisible()).toBe(true);
  });

  it('shows the request as code, and gives the focus back', async () => {
    const { url } = await serve();
    const page = await openPage(browser, url);
    await ask(page, 'one');
    await actionsOf(page).click();
    const dialog = page.getByRole('dialog', { name: 'Request as code' });
    await dialog.getByText('"content": "one"').waitFor();
    expect(await dialog.textContent()).toContain(`curl --no-buffer ${url}/v1/chat/completions`);
    await dialog.getByRole('button', { name: 'Python' }).click();
    await dialog.getByText('from openai import OpenAI').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement?.ariaLabel')).toBe('Copy the request as code');
  });

  it('asks for the key of a server that needs one, and has it until the tab is closed', async () => {
    const { url } = await serve({ settings: { apiKeys: ['secret'] } });
    const page = await openPage(browser, url);
    await page.getByText('This server needs an API key.').waitFor();
    const form = page.getByRole('main');
    await form.getByLabel('API key').fill('wrong');
    await form.getByRole('button', { name: 'Use' }).click();
    await page.getByText('The API key is not one of this server.').waitFor();
    await form.getByLabel('API key').fill('secret');
    await form.getByRole('button', { name: 'Use' }).click();
    await ready(page);
    await ask(page, 'one');
    await actionsOf(page).waitFor();
    await page.reload();
    await ready(page);
  });

  it('says how far a server is that loads its model, and goes on when it is ready', async () => {
    const server = await openServer({
      hosts: ['127.0.0.1'],
      port: 0,
      metricsPort: undefined,
      version: '1.2.3',
      settings: serverSettings(),
      log: () => undefined,
    });
    onTestFinished(() => server.close());
    server.report({ stage: 'converting', fraction: 0.42 });
    const page = await openPage(browser, server.url);
    await page.getByText('Converting the model, 42 %').waitFor();
    const running = server.serve({
      model: scriptedModel({ text: 'Yes.' }),
      servedModelName: modelName,
      media: mediaSettings(),
    });
    onTestFinished(() => running.shutdown());
    await ready(page);
    expect(await page.getByText('Converting').count()).toBe(0);
  });

  describe('with the embedded model', () => {
    it('answers in the form of a schema, and shows it as a table', async () => {
      const { url } = await serveModel(await loadShapes({ threads: 1, maxLength: 1024 }));
      const page = await openPage(browser, url);
      await ready(page);
      await dropPicture(page, picture);
      await page.getByLabel('Temperature').fill('0');
      await page.getByLabel('Structured output').check();
      await page.getByLabel('JSON schema').fill('{"type": "object", "properties": {"isRed": {"type": "boolean"}');
      await page.getByText(/^Line 1, column/).waitFor();
      const schema = { type: 'object', properties: { isRed: { type: 'boolean' } }, required: ['isRed'] };
      await page.getByLabel('JSON schema').fill(JSON.stringify({ ...schema, additionalProperties: false }));
      await ask(page, 'Is it red?');
      const table = answers(page).getByRole('table');
      await table.waitFor();
      expect(await table.textContent()).toMatch(/^isRed(?:true|false)$/);
      await page.getByText('How the model saw the picture').click();
      expect(await page.locator('.receipts').textContent()).toMatch(/000-0\.png.*Sent.*Seen.*Tokens/);
      await answers(page).getByRole('button', { name: 'JSON' }).click();
      await answers(page).getByText('"isRed":').waitFor();
      expect(await seriousViolations(page)).toEqual([]);
    });
  });

  describe.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { colorScheme: 'dark', viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }],
  ] as const)('%s', (_, options) => {
    it('keeps nobody out', async () => {
      const { url } = await serve();
      const page = await openPage(browser, url, options);
      await ready(page);
      expect(await seriousViolations(page)).toEqual([]);
      await dropPicture(page, picture);
      await ask(page, '# Title\n\n- `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |');
      await actionsOf(page).waitFor();
      expect(await seriousViolations(page)).toEqual([]);
      const settings = page.getByRole('button', { name: 'Settings' });
      if (await settings.isVisible()) await settings.click();
      await page.getByLabel('Compare two settings').check();
      expect(await seriousViolations(page)).toEqual([]);
      const width = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(width)).toBe(0);
    });
  });
});
