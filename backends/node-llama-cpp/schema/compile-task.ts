import { VserveError } from '../../../src/errors/index.ts';
import { compileFormat, type GrammarSource } from './answer-source.ts';
import type { GrammarResult, GrammarTask } from './grammar-messages.ts';
import { OutOfWork, WorkBudget } from './work-budget.ts';

/** Compiles the formats of a request. `units`: for all of them together; by default, each has a budget of its own. */
export function compileTask(task: GrammarTask, units?: number): GrammarResult {
  const budget = units === undefined ? undefined : new WorkBudget(units);
  const sources: GrammarSource[] = [];
  for (const [index, format] of task.entries()) {
    try {
      sources.push(compileFormat(format, budget));
    } catch (error) {
      if (error instanceof OutOfWork && budget === undefined) {
        const message = 'It is too large: with all that it combines, it has more parts than can be compiled.';
        return { fault: { index, place: error.path, message } };
      }
      if (!(error instanceof VserveError)) throw error;
      return { fault: { index, place: error.param ?? '', message: error.message } };
    }
  }
  return { sources };
}
