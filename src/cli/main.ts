import { dependencies } from './context.ts';
import { start } from './start.ts';

await start(dependencies);
