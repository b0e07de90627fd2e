import { expect, it } from 'vitest';
import { referenceCase } from '../../support/shapes.ts';
import { answer, loadShapes, referenceRequest } from '../../support/shapes-engine.ts';

it('an image whose tokens attend to one another leaves the memory of the graphs as it is', async () => {
  const lines: string[] = [];
  const model = await loadShapes({ threads: 1 }, {}, (line) => lines.push(line));
  const reservations = (): number => lines.filter((line) => line.includes('reserve took')).length;
  const reference = referenceCase('000');
  // llama.cpp's lines come by way of the event loop, but no later than those of the answer behind them.
  expect((await answer(model, await referenceRequest(reference))).text).toBe(reference.expected);
  expect(reservations()).toBeGreaterThan(0);
  const atFirst = reservations();
  const other = referenceCase('014');
  expect((await answer(model, await referenceRequest(other))).text).toBe(other.expected);
  await model.close();
  expect(reservations()).toBe(atFirst);
});
