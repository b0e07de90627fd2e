import assert from 'node:assert/strict';
import { IMAGE_MARKER } from '../loaded-model.ts';
import { can, has, methodOf } from './needs.ts';
import { eventsOf, observe } from './observe.ts';
import { picture, QUESTION, textTurn, userTurn } from './requests.ts';
import type { Trial } from './trial.ts';

const WHOLE = { addSpecial: false, parseSpecial: false };
/** No vocabulary has as many. */
const NO_TOKEN = 2 ** 31 - 1;

/** What a prompt may be besides a conversation in text, and what is told of it. */
export const promptTrials: readonly Trial[] = [
  {
    name: 'a picture is a part of the prompt',
    needs: [can('vision')],
    async check({ model, signal }) {
      const text = { type: 'text', text: 'What is it?' } as const;
      const blind = await observe(model, userTurn([text]), signal);
      const image = { type: 'image', image: picture() } as const;
      const seen = await observe(model, userTurn([image, text]), signal);
      assert.ok(seen.start.promptTokens > blind.start.promptTokens, 'A picture has no tokens.');
      const { imageTokens } = seen.finish.usage;
      assert.ok(imageTokens === undefined || imageTokens > 0, 'usage.imageTokens is 0 with a picture.');
      for (const { images = [] } of eventsOf(seen.events, 'prefilled')) {
        assert.ok(images.length <= 1, 'There are more receipts than pictures.');
      }
      // The same picture once more: from a cache, where there is one.
      const again = await observe(model, userTurn([image, text]), signal);
      assert.equal(again.start.promptTokens, seen.start.promptTokens, 'A picture that came before counts otherwise.');
    },
  },
  {
    name: 'countPrompt counts what a generation does',
    needs: [has('countPrompt')],
    async check({ model, ask, signal }) {
      const count = methodOf(model, 'countPrompt');
      const { start } = await observe(model, ask(), signal);
      assert.equal(await count(ask(), signal), start.promptTokens);
      if (!model.info.capabilities.vision) return;
      const image = picture();
      const { start: seen } = await observe(model, userTurn([{ type: 'image', image }]), signal);
      const sized = { ...image, rgb: new Uint8Array() };
      assert.equal(await count(userTurn([{ type: 'image', image: sized }]), signal), seen.promptTokens);
    },
  },
  {
    name: 'renderPrompt has the texts, and a marker for each picture',
    needs: [has('renderPrompt')],
    async check({ model, signal }) {
      const render = methodOf(model, 'renderPrompt');
      const { vision } = model.info.capabilities;
      const image = { type: 'image', image: { ...picture(1), rgb: new Uint8Array() } } as const;
      const text = { type: 'text', text: 'a certain text' } as const;
      const prompt = await render(userTurn(vision ? [image, text] : [text]), signal);
      assert.ok(prompt.includes('a certain text'), 'The prompt lacks a text of its messages.');
      assert.equal(
        prompt.split(IMAGE_MARKER).length - 1,
        vision ? 1 : 0,
        'The prompt has not a marker for each picture.',
      );
    },
  },
  {
    name: 'tokens become the text again that they were made of',
    needs: [has('tokenize'), has('detokenize')],
    async check({ model }) {
      const tokens = await methodOf(model, 'tokenize')(QUESTION, WHOLE);
      const ids = tokens.map(({ id }) => id);
      const detokenize = methodOf(model, 'detokenize');
      assert.equal((await detokenize(ids)).trimStart(), QUESTION, 'The tokens of a text have another text.');
      const bytes = Buffer.concat(tokens.map((token) => token.bytes)).toString();
      assert.equal(bytes.trimStart(), QUESTION, 'The bytes of the tokens are not those of the text.');
      if (model.tokenIds !== undefined) {
        assert.deepEqual([...(await model.tokenIds(QUESTION, WHOLE))], ids, 'tokenIds and tokenize differ.');
      }
      await assert.rejects(
        detokenize([NO_TOKEN]),
        hasCode('invalid_request'),
        'A token that does not exist has a text.',
      );
    },
  },
  {
    name: 'a prompt is continued as it is',
    needs: [can('rawPrompts')],
    async check({ model, ask, signal }) {
      const prompt = [{ type: 'text', text: QUESTION }] as const;
      const { start } = await observe(model, { ...ask({ prompt }), messages: [] }, signal);
      if (model.tokenIds === undefined && model.tokenize === undefined) return;
      const options = { addSpecial: true, parseSpecial: true };
      const tokens = await (model.tokenIds?.(QUESTION, options) ??
        methodOf(model, 'tokenize')(QUESTION, options).then((all) => all.map(({ id }) => id)));
      assert.equal(start.promptTokens, tokens.length, 'A prompt has not the tokens of its text.');
      const asTokens = [{ type: 'tokens', tokens: [...tokens] }] as const;
      const again = await observe(model, { ...ask({ prompt: asTokens }), messages: [] }, signal);
      assert.equal(again.start.promptTokens, tokens.length, 'A prompt of tokens has another number of them.');
    },
  },
  {
    name: 'embeddings have unit length, and equal inputs have equal ones',
    needs: [can('embeddings')],
    async check({ model, signal }) {
      const embed = methodOf(model, 'embed');
      const of = (text: string) => embed({ input: [{ type: 'text', text }], cacheSalt: '' }, signal);
      const [one, other, again] = [await of('a red circle'), await of('snow in winter'), await of('a red circle')];
      assert.ok(
        Math.abs(Math.hypot(...one.vector) - 1) < 1e-3,
        `A vector has the length ${String(Math.hypot(...one.vector))}.`,
      );
      assert.ok(one.promptTokens > 0, 'An input has no tokens.');
      assert.equal(one.vector.length, other.vector.length);
      assert.ok(similarity(one.vector, again.vector) > 0.999, 'The same input has another vector.');
      assert.ok(similarity(one.vector, other.vector) < 0.9999, 'Different inputs have the same vector.');
      const reason = new Error('The client has left.');
      const late = embed({ input: [{ type: 'text', text: 'late' }], cacheSalt: '' }, AbortSignal.abort(reason));
      await assert.rejects(
        late,
        (error) => error === reason,
        'An embedding that was aborted did not throw the reason.',
      );
    },
  },
  {
    name: 'an empty prefix cache changes no answer',
    needs: [has('resetPrefixCache')],
    async check({ model, signal }) {
      const request = textTurn(QUESTION);
      const before = await observe(model, request, signal);
      model.resetPrefixCache?.();
      const after = await observe(model, request, signal);
      assert.equal(after.text, before.text);
      assert.equal(after.start.promptTokens, before.start.promptTokens);
    },
  },
];

function similarity(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === code;
}
