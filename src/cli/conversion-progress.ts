import type { ConversionProgress } from '../store/index.ts';
import type { Output, Task } from './output.ts';
import { formatBytes } from './printable.ts';

interface ShownConversion {
  readonly show: (progress: ConversionProgress) => void;
  /** Says that it is done, and how large the files are. */
  readonly succeed: () => void;
  readonly end: () => void;
}

/** Shows a conversion, if there is one: a model that is ready gives no progress and no word. */
export function conversionProgress(output: Output): ShownConversion {
  // Begun with the conversion, so that the time it is said to have taken is its own.
  let task: Task | undefined;
  const bytesByFile = new Map<string, number>();
  return {
    show: ({ file, quantizedTo, bytesWritten, bytesTotal }) => {
      bytesByFile.set(file, bytesTotal);
      const fraction = bytesTotal === 0 ? 1 : bytesWritten / bytesTotal;
      const doing = quantizedTo === undefined ? 'Converting' : `Quantizing to ${quantizedTo}`;
      task ??= output.startTask();
      task.update(`${doing}: ${file} (${formatBytes(bytesTotal)})`, fraction);
    },
    succeed: () => {
      const bytes = [...bytesByFile.values()].reduce((sum, size) => sum + size, 0);
      task?.succeed(`Converted (${formatBytes(bytes)})`);
    },
    end: () => task?.end(),
  };
}
