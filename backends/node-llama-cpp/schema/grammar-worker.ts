// A grammar thread: all work that grows with the size of a format happens here.
import { parentPort } from 'node:worker_threads';
import { compileTask } from './compile-task.ts';
import type { GrammarReply, GrammarTask } from './grammar-messages.ts';

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
