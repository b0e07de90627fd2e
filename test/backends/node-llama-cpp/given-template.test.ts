import { copyFile, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findingKey, Findings } from '../../../backends/node-llama-cpp/findings.ts';
import { loadShapes, picture, userTurn } from '../../support/shapes-engine.ts';

const THINKING = `{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>

{% endif %}{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}`;

const TOOLS = `{%- if tools %}[tools]{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}
{%- for message in messages %}[{{ message.role }}]{{ message.content }}
{%- for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}`;

describe('a chat template that is given', () => {
  it('writes the prompts in place of the model’s own, and what follows from it', async () => {
    const model = await loadShapes({ chatTemplate: TOOLS });
    const { signal } = new AbortController();
    const image = await picture('000-0.png');
    const prompt = await model.renderPrompt?.(userTurn([{ type: 'image', image }, 'What is it?']), signal);
    expect(prompt).toMatch(/^\[user\].*What is it\?\[assistant\]$/s);
    const tool = { name: 'weather', description: 'Tells it.', parameters: { type: 'object', properties: {} } };
    const withTools = await model.renderPrompt?.(
      userTurn(['Hello'], { tools: { tools: [tool], choice: 'auto', parallel: undefined } }),
      signal,
    );
    expect(withTools).toMatch(/^\[tools\].*weather.*\[user\]Hello\[assistant\]$/s);
    expect(model.info.description?.chatTemplate).toBe(TOOLS);
    expect(model.info.capabilities.reasoning).toBe(false);
    await model.close();
  });

  it('decides whether answers have thoughts', async () => {
    const model = await loadShapes({ chatTemplate: THINKING });
    expect(model.info.capabilities.reasoning).toBe(true);
    await model.close();
  });

  it.each([
    ['{% for message in messages %}', /^The template of --chat-template could not be read: /],
    ['{{ raise_exception("no") }}', /^The template of --chat-template rejected the conversation: no/],
  ])('is refused before the model is loaded where it is broken: %s', async (chatTemplate, message) => {
    const said: string[] = [];
    await expect(loadShapes({ chatTemplate }, {}, (line) => said.push(line))).rejects.toMatchObject({
      code: 'invalid_setting',
      param: 'chatTemplate',
      message: expect.stringMatching(message) as unknown,
    });
    expect(said.filter((line) => line.startsWith('Context:'))).toEqual([]);
  });
});

describe('what was found out about files', () => {
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vserve-findings-'));
    path = join(folder, 'model.gguf');
    await writeFile(path, 'GGUF');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is kept for later starts, the latest only where there is much', async () => {
    await new Findings(join(folder, 'new')).keep('first', 1);
    for (let place = 0; place < 63; place += 1)
      await new Findings(join(folder, 'new')).keep(`other ${String(place)}`, 2);
    const findings = new Findings(join(folder, 'new'));
    expect(await findings.find('first')).toBe(1);
    await findings.keep('one more', 3);
    expect(await findings.find('first')).toBeUndefined();
    expect(await findings.find('one more')).toBe(3);
  });

  it('is not kept where it cannot be, or nowhere is', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const place of [undefined, join(folder, 'file')]) {
      await new Findings(place).keep('key', 1);
      expect(await new Findings(place).find('key')).toBeUndefined();
    }
  });

  it('is forgotten for a file that changed, also one of the same size and time, and one in its place', async () => {
    const { atime, mtime } = await stat(path);
    const key = await findingKey([path], ['a']);
    expect(await findingKey([path], ['a'])).toBe(key);
    expect(await findingKey([path], ['b'])).not.toBe(key);
    await writeFile(path, 'FUGG');
    await utimes(path, atime, mtime);
    const rewritten = await findingKey([path], ['a']);
    expect(rewritten).not.toBe(key);
    const copy = join(folder, 'copy.gguf');
    await copyFile(path, copy);
    await utimes(copy, atime, mtime);
    expect(await findingKey([copy], ['a'])).not.toBe(rewritten);
    await expect(findingKey([join(folder, 'none')], [])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
