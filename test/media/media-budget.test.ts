import { expect, it } from 'vitest';
import { MediaBudget } from '../../src/media/media-budget.ts';

it('leaves what a refused spend did not take', () => {
  const budget = new MediaBudget(10);
  expect(() => budget.spendEncoded(11)).toThrow(expect.objectContaining({ code: 'over_budget' }));
  expect(() => budget.spendDecoded(2, 2, 3)).toThrow(expect.objectContaining({ code: 'decode_too_large' }));
  expect(() => budget.spendDecoded(2, 2, 3)).toThrow('An image of 2x2 pixels');
  budget.spendEncoded(10);
  budget.spendDecoded(1, 3, 3);
  budget.spendDecoded(1, 3, 3);
  expect(() => budget.spendDecoded(1, 1, 3)).toThrow('The images of the request together');
  expect(() => budget.spendEncoded(1)).toThrow(expect.objectContaining({ code: 'over_budget' }));
});

it('is one for all who look at the same counters, and can be ended for all', () => {
  const budget = new MediaBudget(10);
  const elsewhere = new MediaBudget(budget.maxBytes, budget.bytesLeft);
  elsewhere.spendEncoded(6);
  expect(() => budget.spendEncoded(5)).toThrow(expect.objectContaining({ code: 'over_budget' }));
  budget.end();
  expect(() => elsewhere.spendEncoded(1)).toThrow(expect.objectContaining({ code: 'over_budget' }));
});
