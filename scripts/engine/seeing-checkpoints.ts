import { referenceCheckpoints } from '../reference/checkpoints.ts';
import type { SyntheticCheckpoint } from '../reference/write-checkpoint.ts';
import { seeingWeights } from './seeing-weights.ts';

/** Says who speaks, and otherwise what is said: the engines place the pictures. */
const chatTemplate = [
  "{% for m in messages %}{{ m['role'] }}: ",
  "{% if m['content'] is string %}{{ m['content'] }}",
  "{% else %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endif %}\n",
  '{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}',
].join('');

/** Answers the same whatever it sees, with such weights: it would show nothing. */
const blind = 'internvl3.5-tiny';

const hasProcessor = (files: object): boolean =>
  'preprocessor_config.json' in files || 'processor_config.json' in files;

/** The reference checkpoints that see. Gemma 3 is tested with a trained model. */
export const seeingNames: readonly string[] = Object.entries(referenceCheckpoints)
  .filter(
    ([
      name,
      {
        checkpoint: { files },
      },
    ]) => hasProcessor(files) && !name.startsWith('gemma-'),
  )
  .map(([name]) => name)
  .filter((name) => name !== blind);

/** A reference checkpoint that answers by what it sees, in words. Throws for a name that there is not. */
export function seeingCheckpoint(name: string): SyntheticCheckpoint {
  const reference = referenceCheckpoints[name];
  if (reference === undefined) throw new Error(`There is no checkpoint ${name}. There are: ${seeingNames.join(', ')}.`);
  const { checkpoint } = reference;
  const { model } = parse(checkpoint.files['tokenizer.json']) as { model: { vocab: Record<string, number> } };
  const tokens = new Set(Object.values(model.vocab));
  // Ġ stands for a space in a byte-level vocabulary, ▁ in Gemma's.
  const words = Object.entries(model.vocab).filter(([token]) => /^[Ġ▁]?[A-Za-z]{2,}$/.test(token));
  const tokenizerConfig = { ...parse(checkpoint.files['tokenizer_config.json']), chat_template: chatTemplate };
  return {
    ...checkpoint,
    dtype: 'BF16',
    shards: 1,
    files: { ...checkpoint.files, 'tokenizer_config.json': tokenizerConfig },
    elementsOf: seeingWeights(new Set(words.map(([, id]) => id)), tokens, tableScaleOf(name)),
  };
}

/** Gemma multiplies what it reads from its table: with smaller numbers there, pictures weigh as much as words. */
function tableScaleOf(name: string): number {
  return name.startsWith('gemma4') ? 0.3 : 1;
}

function parse(file: object | string | undefined): object {
  return Buffer.isBuffer(file) ? (JSON.parse(file.toString()) as object) : {};
}
