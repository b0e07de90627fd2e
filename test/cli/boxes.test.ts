import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest';
import { pictureBytes } from '../support/shapes.ts';
import { runVserve, temporaryFolder } from './run-vserve.ts';
import { scriptedServer } from './scripted-server.ts';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

/** A white picture of 200 by 100, shown turned by a quarter: its file is 100 by 200. */
async function turnedPicture(): Promise<Buffer> {
  const white = { create: { width: 100, height: 200, channels: 3 as const, background: '#fff' } };
  return sharp(white).withMetadata({ orientation: 6 }).jpeg().toBuffer();
}

function generate(...args: readonly string[]) {
  return runVserve(folder, ['generate', ...args], {}, { isReal: true });
}

/** Whether the picture is white there. */
async function whiteness(path: string): Promise<(x: number, y: number) => boolean> {
  const { data, info } = await sharp(join(folder, path)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return (x, y) => data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3).every((level) => level > 250);
}

describe('--boxes', () => {
  test('draws where the model has seen something, in pixels of the upright image', async () => {
    await writeFile(join(folder, 'turned.jpg'), await turnedPicture());
    const server = await scriptedServer('qwen2.5vl_merger');
    const args = ['--image', 'turned.jpg', '--prompt', 'Where?', '--boxes', 'out.png', '--json'];
    const vserve = generate('--url', server.url, ...args);
    const request = await server.next();
    expect(request.body['include']).toEqual(['image_details']);
    // It saw the picture at half its size.
    request.say('[{"bbox_2d": [25, 10, 75, 40], "label": "sign"}]');
    request.event({
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      image_details: [{ sent: { width: 200, height: 100 }, seen: { width: 100, height: 50 } }],
    });
    request.end();
    const { code, stdout, stderr } = await vserve.exit();
    expect(stderr).toBe('1 box drawn into out.png.\n');
    expect(code).toBe(0);
    const { boxes } = JSON.parse(stdout) as { boxes: object[] };
    expect(boxes).toEqual([{ left: 50, top: 20, right: 150, bottom: 80, label: 'sign' }]);
    const isWhite = await whiteness('out.png');
    expect([isWhite(100, 80), isWhite(50, 50), isWhite(149, 50)]).toEqual([false, false, false]);
    expect([isWhite(100, 60), isWhite(10, 10), isWhite(190, 90)]).toEqual([true, true, true]);
  });

  test('draws what the embedded model answers', async () => {
    await writeFile(join(folder, 'shapes.png'), pictureBytes('031-0.png'));
    const files = [inject('shapesModelPath'), '--mmproj', inject('shapesMmprojPath'), '--devices', 'cpu'];
    const box = { box_2d: [250, 250, 750, 750], label: 'a' };
    const schema = ['--schema', JSON.stringify({ const: box })];
    const threads = ['--threads', '1', '--threads-batch', '1', '--temperature', '0'];
    const picture = ['--image', 'shapes.png', '--prompt', 'Where?', '--boxes', 'out.png'];
    const { code, stderr } = await generate(...files, ...threads, ...schema, ...picture).exit();
    expect(stderr).toMatch(/1 box drawn into out\.png\.\n$/);
    expect(code).toBe(0);
    const { width, height } = await sharp(join(folder, 'shapes.png')).metadata();
    expect(await sharp(join(folder, 'out.png')).metadata()).toMatchObject({ width, height });
  });

  test('fetches an image of the web once, and sends what it draws on', async () => {
    const picture = await turnedPicture();
    let fetches = 0;
    const web = createServer((_, response) => {
      fetches += 1;
      response.end(picture);
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    onTestFinished(() => void web.close());
    const server = await scriptedServer('gemma3');
    const image = `http://127.0.0.1:${(web.address() as AddressInfo).port}/a.jpg`;
    const vserve = generate('--url', server.url, '--image', image, '--prompt', 'Where?', '--boxes', 'out.png');
    const request = await server.next();
    expect(JSON.stringify(request.body.messages)).toContain(picture.toString('base64'));
    request.say('{"box_2d": [200, 250, 800, 750]}');
    request.end();
    expect((await vserve.exit()).code).toBe(0);
    expect(fetches).toBe(1);
    expect((await whiteness('out.png'))(50, 50)).toBe(false);
  });

  test('an answer without boxes is told, and nothing is written', async () => {
    await writeFile(join(folder, 'a.png'), pictureBytes('031-0.png'));
    const server = await scriptedServer('gemma3');
    const vserve = generate('--url', server.url, '--image', 'a.png', '--prompt', 'Where?', '--boxes', 'out.png');
    const request = await server.next();
    request.say('There is none.');
    request.end();
    const { code, stdout, stderr } = await vserve.exit();
    expect([code, stdout]).toEqual([1, 'There is none.\n']);
    expect(stderr).toMatch(/^Error: The answer has no boxes that can be read, so out\.png was not written/);
    expect(existsSync(join(folder, 'out.png'))).toBe(false);
  });

  test('a server that does not tell what the model saw is told where that is needed', async () => {
    await writeFile(join(folder, 'a.png'), pictureBytes('031-0.png'));
    const server = await scriptedServer('qwen2.5vl_merger');
    const vserve = generate('--url', server.url, '--image', 'a.png', '--prompt', 'Where?', '--boxes', 'out.png');
    const request = await server.next();
    request.say('{"bbox_2d": [1, 2, 3, 4]}');
    request.end();
    expect((await vserve.exit()).stderr).toMatch(/The boxes cannot be drawn: .*its size is needed/);
  });
});

const refusals: readonly [string, readonly string[], RegExp, string?][] = [
  ['without an image', [], /--boxes needs an image to draw on/],
  ['with two', ['--image', 'a.png', '--image', 'a.png'], /in which of 2 images a box is: give --boxes one --image/],
  ['with a document', ['--image', 'a.pdf'], /a\.pdf is not an image that can be read/],
  ['with an image that cannot be decoded', ['--image', 'cut.png'], /cannot be decoded as PNG/],
  ['into another format', ['--image', 'a.png', '--boxes', 'out.jpg'], /--boxes is "out\.jpg": it must be/],
  ['into no folder', ['--image', 'a.png', '--boxes', 'none/out.png'], /in a folder that does not exist/],
  ['with a model without boxes', ['--image', 'a.png'], /scripted \(mlp\) was not taught to write boxes/, 'mlp'],
  ['with a server that is not vserve', ['--image', 'a.png'], /does not tell the kind of its model/, ''],
];

test.each(refusals)('--boxes is refused %s, before the model is asked', async (...refusal) => {
  const [, args, message, projector = 'gemma3'] = refusal;
  const picture = pictureBytes('031-0.png');
  await writeFile(join(folder, 'a.png'), picture);
  await writeFile(join(folder, 'cut.png'), picture.subarray(0, 60));
  await writeFile(join(folder, 'a.pdf'), '%PDF-1.4\n');
  const server = await scriptedServer(projector === '' ? undefined : projector);
  const vserve = generate('--url', server.url, '--boxes', 'out.png', '--prompt', 'Where?', ...args);
  const { code, stdout, stderr } = await vserve.exit();
  expect(stderr).toMatch(message);
  expect([code, stdout]).toEqual([2, '']);
});
