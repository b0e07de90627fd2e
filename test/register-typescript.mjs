// Lets the worker threads of a test load our TypeScript as it is, which Node 20 cannot do by itself.
import { register } from 'node:module';

register('./typescript-loader.mjs', import.meta.url);
