/**
 * Puts the part of llama.cpp's source that the native engine is built from, patched, into dist/llama.cpp, as a step of
 * `npm pack`: who installs the package can build the engine without git.
 *
 *     node dist/scripts/pack-source.js
 */
import { mkdirSync } from 'node:fs';
import { scriptArguments } from './arguments.ts';
import { buildDir, packedSourceDir } from './native-build/folders.ts';
import { prepareSource } from './native-build/llama-cpp-source.ts';
import { copySource } from './native-build/packed-source.ts';

scriptArguments({ options: {} });
mkdirSync(buildDir, { recursive: true });
copySource(await prepareSource(), packedSourceDir);
