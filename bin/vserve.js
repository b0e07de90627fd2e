#!/usr/bin/env node
// Plain JavaScript that old releases of Node understand too: it says what is missing before anything else can fail.
import { existsSync } from 'node:fs';
import module from 'node:module';

const main = new URL('../dist/bundle/main.js', import.meta.url);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  fail(
    `vserve needs Node 20.19 or later, and this is Node ${process.versions.node}. Install a newer one: https://nodejs.org`,
  );
} else if (!existsSync(main)) {
  fail('vserve is not built yet. In its folder, run: npm install && npm run build');
} else {
  module.enableCompileCache?.(); // Node 22 keeps the compiled code
  import(main.href).catch((error) => {
    if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error;
    fail(`vserve needs to open more files than it may (${error.code}). Raise the limit, for example: ulimit -n 1024`);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
