import type { ConversionProgress } from '../store/index.ts';
import type { Output, Task } from './output.ts';
import { formatBytes } from './printable.ts';

interface ShownConversion {
  readonly show: (progress: ConversionProgress) => void;
  /** Reports the end, and the size of the files. */
  readonly succeed: () => void;
  readonly end: () => void;
}

/** Shows a conversion, if there is one: for a model that is ready, nothing is printed. */
export function conversionProgress(output: Output): ShownConversion {
  // Started with the conversion, so that the reported time is that of the conversion alone.
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
