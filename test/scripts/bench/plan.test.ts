import { expect, test } from 'vitest';
import { planOf, roughly, totalOf } from '../../../scripts/bench/plan.ts';
import { scenarioNames } from '../../../scripts/bench/scenarios/index.ts';

const namesOf = (...[only, settings]: Parameters<typeof planOf>): Record<string, string[]> =>
  Object.fromEntries(
    planOf(only, settings).map(({ kind, scenarios }) => [kind, scenarios.map(({ name }) => name as string)]),
  );

test('Each scenario runs on the models on which it shows something, and no model is made for nothing', () => {
  const usual = { rounds: 3, quick: false };
  expect(namesOf(['agent'], usual)).toEqual({ embedded: ['agent'] });
  expect(namesOf(['hybrid', 'gap'], usual)).toEqual({ large: ['gap'], hybrid: ['hybrid'] });
  expect(namesOf(['text', 'tokens'], usual)).toEqual({ large: ['tokens', 'text'], embedded: ['tokens', 'text'] });
  expect(new Set(Object.values(namesOf(scenarioNames, usual)).flat())).toEqual(new Set(scenarioNames));
  expect(namesOf(['start', 'image'], { rounds: 1, quick: true })).toEqual({ embedded: ['start', 'image'] });
});

test('The time that a part of the bench takes is told before, and grows by the rounds', () => {
  const [one, three] = [1, 3].map((rounds) => totalOf(planOf(['image', 'agent'], { rounds, quick: false })));
  expect(three).toBeGreaterThan(1.5 * (one ?? NaN));
  expect([45, 720].map(roughly)).toEqual(['45 s', '12 min']);
});
