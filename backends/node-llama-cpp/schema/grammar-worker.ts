// A grammar thread: all work that grows with the size of a format happens here.
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { GrammarReply, GrammarTask } from './grammar-messages.ts';

/** Niceness added to this thread: beside the model's threads, it gets a tenth of a CPU's time. */
const NICER = 10;
const NICEST = 19;
// Streams keep their pace beside a large schema. On other systems than Linux it would slow down the whole process.
if (process.platform === 'linux') setPriority(0, Math.min(getPriority() + NICER, NICEST));
// Only then, as it takes longer to load than most schemas to compile.
const { compileTask } = await import('./compile-task.ts');

parentPort?.on('message', (task: string) => {
  parentPort?.postMessage(replyTo(task), []);
});

function replyTo(task: string): GrammarReply {
  try {
    return compileTask(JSON.parse(task) as GrammarTask);
  } catch (error) {
    return { defect: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
