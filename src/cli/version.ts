import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('vserve/package.json') as { version: string };

/** The version of vserve, from its package.json. */
export const version = manifest.version;
