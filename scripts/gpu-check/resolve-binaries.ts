import type { InitializeHook, ResolveHook } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const variant = `@node-llama-cpp/linux-${process.arch}-cuda`;
let folder = '';

export const initialize: InitializeHook<string> = (data) => {
  folder = data;
};

/** The package of binaries is in `folder`; there is none of kernels for older drivers. */
export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  if (specifier === variant) {
    return { url: pathToFileURL(join(folder, 'dist', 'index.js')).href, shortCircuit: true };
  }
  return nextResolve(specifier === `${variant}-ext` ? `${variant}-ext-is-not-used` : specifier, context);
};
