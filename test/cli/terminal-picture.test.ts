import sharp from 'sharp';
import { expect, test } from 'vitest';
import { encodePicture } from '../../src/cli/chat/terminal-picture.ts';

const ESCAPE = '\u001B';
const noise = sharp({
  create: {
    width: 900,
    height: 600,
    channels: 3,
    background: 'red',
    noise: { type: 'gaussian', mean: 128, sigma: 60 },
  },
});

test("kitty's commands hold at most 4096 bytes each, and a PNG together", async () => {
  const text = await encodePicture(await noise.clone().png().toBuffer(), 'kitty');
  const parts = text.split(`${ESCAPE}\\`);
  expect(parts.pop()).toBe('');
  const commands = parts.map((part) => {
    expect(part.startsWith(`${ESCAPE}_G`)).toBe(true);
    return part.slice(3).split(';');
  });
  expect(commands.length).toBeGreaterThan(1);
  for (const [, data = ''] of commands) expect(data.length).toBeLessThanOrEqual(4096);
  expect(commands[0]?.[0]).toContain('m=1');
  expect(commands.at(-1)?.[0]).toBe('m=0');
  const png = Buffer.from(commands.map(([, data]) => data).join(''), 'base64');
  expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 360, height: 240 });
});

test("iTerm2's sequence tells the size of its PNG", async () => {
  const text = await encodePicture(await noise.clone().jpeg().toBuffer(), 'iterm2');
  expect(text.startsWith(`${ESCAPE}]1337;File=`)).toBe(true);
  expect(text.endsWith('\u0007')).toBe(true);
  const [, size, data = ''] = /inline=1;size=(\d+);[^:]*:([\w+/=]*).$/.exec(text) ?? [];
  expect(Buffer.from(data, 'base64')).toHaveLength(Number(size));
});

test('sixels have the size of the picture', async () => {
  const text = await encodePicture(await noise.clone().resize(30, 20).png().toBuffer(), 'sixel');
  expect(text.startsWith(`${ESCAPE}P`)).toBe(true);
  expect(text).toMatch(/^.P[\d;]*q"1;1;30;20/);
  expect(text.endsWith(`${ESCAPE}\\`)).toBe(true);
});
