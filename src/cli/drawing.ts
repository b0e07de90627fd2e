import { createLogUpdate } from 'log-update';
import ora from 'ora';
import { formatDuration, printable } from './printable.ts';
import type { Area, Task } from './task.ts';
import { percent } from './task.ts';
import { isDrawable, whenTooNarrow } from './terminal.ts';

/** Lines at the end of a terminal. */
export function drawnArea(stream: NodeJS.WriteStream, onEnd: () => void): Area {
  const update = createLogUpdate(stream);
  return {
    get columns() {
      return stream.columns;
    },
    draw(lines) {
      if (isDrawable(stream)) update(lines.join('\n'));
    },
    above(line) {
      if (isDrawable(stream)) update.persist(line);
      else stream.write(`${line}\n`);
    },
    end() {
      update.clear();
      update.done();
      onEnd();
    },
  };
}

/** A task with a spinner. */
export function spinnerTask(stream: NodeJS.WriteStream): Task {
  const start = performance.now();
  const spinner = ora({ stream, discardStdin: false });
  // It redraws on its own timer.
  const stopListening = whenTooNarrow(stream, () => void spinner.stop());
  return {
    update(text, fraction) {
      spinner.text = `${printable(text)} ${percent(fraction)}`;
      if (!spinner.isSpinning && isDrawable(stream)) spinner.start();
    },
    succeed(text) {
      stopListening();
      spinner.succeed(`${printable(text)} in ${formatDuration(performance.now() - start)}`);
    },
    end() {
      stopListening();
      spinner.stop();
    },
  };
}
