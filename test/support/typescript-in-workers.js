import { register } from 'node:module';

// vitest compiles what it imports, but not what a worker thread does. Node 20 cannot load TypeScript by itself.
register('./typescript-hooks.js', import.meta.url);
