/**
 * Cuts control tokens into pieces and puts these in every place of a conversation where a client can put text, by the ten
 * thousands: in no family's prompt may there be a control token that its chat template did not write.
 *
 *     node dist/scripts/fuzz-control-strings.js [--count 10000] [--seed 1] [checkpoint or template…]
 *
 * Prints a line for each checkpoint, and each real template of llama.cpp's collection; exits with 1 where something was
 * forged. With none named, all are taken.
 */
import { scriptArguments } from './arguments.ts';
import { loadFaithful } from '../test/engine/faithful-model.ts';
import { faithfulNames } from '../test/engine/seeing-checkpoints.ts';
import { referenceTemplates } from '../test/reference/chat-templates.ts';
import { chosenNames } from '../test/reference/chosen-names.ts';
import { allowedTokens, checkForgeries, checkTemplate } from '../test/support/forgery-check.ts';
import { templateRenderer } from '../test/support/render-template.ts';

const { values, positionals } = scriptArguments({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});

const templates = referenceTemplates();
const count = Number(values.count);
const seed = Number(values.seed);

function report(name: string, failures: readonly string[]): void {
  console.log(`${name}: ${String(count)} conversations, ${String(failures.length)} failures`);
  for (const failure of failures.slice(0, 3)) console.log(`  ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}

const render = await templateRenderer();
for (const name of chosenNames(positionals, [...Object.keys(templates), ...faithfulNames])) {
  const template = templates[name];
  if (template !== undefined) {
    report(name, checkTemplate(render, template, { count, seed }));
  } else {
    const loaded = await loadFaithful(name);
    report(name, await checkForgeries(loaded.model, name, { count, seed, allowed: allowedTokens(name) }));
    await loaded.dispose();
  }
}
