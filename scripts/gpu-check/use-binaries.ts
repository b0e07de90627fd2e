/** Loaded into a program of Node.js (`--import`), it makes node-llama-cpp take the binaries of another folder. */
import { register } from 'node:module';
import { binariesVariable } from './own-binaries.ts';

register('./resolve-binaries.js', import.meta.url, { data: process.env[binariesVariable] });
