/**
 * Random JSON Schemas, with tiny models of several kinds of tokenizers: whatever the model would like to say, each answer
 * parses and is valid by ajv, or says that it was cut.
 *
 *     node dist/scripts/fuzz-schemas.js [--count 500] [--seed 1] [model…]
 *
 * Each schema is answered greedily and at temperature 1, 8 at a time, and every other one with an image, where the model
 * sees. Exits with 1 where an answer is not valid.
 */
import { scriptArguments } from './arguments.ts';
import { answerBySchema, type HeldAnswer, loadTiny, noise, schemaModels } from '../test/engine/schemas/schema-run.ts';

const { values, positionals } = scriptArguments({
  options: { count: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});

const atATime = 8;
const first = Number(values.seed);
const count = Number(values.count);

for (const name of positionals.length > 0 ? positionals : schemaModels) {
  const { model, sees, dispose } = await loadTiny(name, atATime);
  let cut = 0;
  const faults: string[] = [];
  const note = (seed: number, { reason, fault }: HeldAnswer): void => {
    cut += reason === 'length' ? 1 : 0;
    if (fault !== undefined) faults.push(`seed ${seed}: ${fault}`);
  };
  let next = first;
  const work = async (): Promise<void> => {
    while (next < first + count) {
      const seed = next++;
      for (const temperature of [0, 1] as const) {
        try {
          note(seed, await answerBySchema(model, seed, temperature, sees && seed % 2 === 0 ? noise : undefined));
        } catch (error) {
          faults.push(`seed ${seed}: ${String(error)}`);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  await dispose();
  console.log(`${name}: ${2 * count} answers, ${cut} cut, ${faults.length} not valid`);
  for (const fault of faults.slice(0, 10)) console.log(`  ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}
