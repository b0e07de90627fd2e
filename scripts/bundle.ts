/**
 * Bundles what `bin/vserve.js` runs, as a step of the build: from some 1,500 modules into a few files in dist/bundle, since
 * Node.js takes longer to find and compile a module than to run it. The threads of vserve are bundled like its verbs.
 * Libraries that are in there have their licences beside them; those that find files by their own place are left out, and
 * imported from node_modules.
 *
 *     node dist/scripts/bundle.js
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { Plugin } from 'vite';
import { scriptArguments } from './arguments.ts';

scriptArguments({ options: {} });

const dist = join(import.meta.dirname, '..');
const outDir = join(dist, 'bundle');

/** What is started by its path: the command line, backends, threads and processes. The name of each file of the bundle. */
const entries: Readonly<Record<string, string>> = {
  main: 'src/cli/main.js',
  'backend-node-llama-cpp': 'backends/node-llama-cpp/index.js',
  'backend-echo': 'backends/echo/index.js',
  'backend-openai': 'backends/openai/index.js',
  'decode-worker': 'src/media/decode-worker.js',
  'hash-worker': 'src/hub/hash-worker.js',
  'conversion-worker': 'src/convert/threads/worker.js',
  'grammar-worker': 'backends/node-llama-cpp/schema/grammar-worker.js',
  'quantize-process': 'backends/node-llama-cpp/quantize-process.js',
};

/** The dependencies whose JavaScript is bundled, since a start reads it. Their own dependencies come with them. */
const bundled = new Set([
  '@fastify/busboy',
  '@hono/node-server',
  'cockatiel',
  'commander',
  'env-paths',
  'eventsource-parser',
  'hono',
  'hono-openapi',
  'ipaddr.js',
  'node-llama-cpp',
  'p-limit',
  'p-retry',
  'prom-client',
  'proper-lockfile',
  'undici',
  'zod',
]);
const { dependencies } = JSON.parse(await readFile(join(dist, '../package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
};

const licencesName = 'LICENSES.md';
/** https://spdx.org/licenses/MIT.html */
const mitTerms = [
  `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:`,
  'The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.',
  'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.',
].join('\n\n');

const nameOf = new Map(Object.entries(entries).map(([name, path]) => [join(dist, path), name]));

/**
 * Modules find files by where they are, in dist. In the bundle, `import.meta` tells them the same; the URL of an entry is that
 * of its file in the bundle.
 */
const places: Plugin = {
  name: 'places',
  transform(code, id) {
    // With the separators of the system, which an id has not.
    const file = resolve(id);
    if (!file.startsWith(dist + sep) || !code.includes('import.meta')) return null;
    const place = JSON.stringify(`./${relative(outDir, file).split(sep).join('/')}`);
    const folder = relative(outDir, dirname(file)).split(sep).join('/');
    return code
      .replaceAll('${import.meta.url.slice(-3)}', '.js')
      .replaceAll(/new URL\(['`](\.[^'`$]*)['`], import\.meta\.url\)/g, (whole, path: string) => {
        const name = nameOf.get(resolve(dirname(file), path));
        return name === undefined ? whole : `new URL('./${name}.js', import.meta.URL)`;
      })
      .replaceAll('import.meta.url', `new URL(${place}, import.meta.URL).href`)
      .replaceAll('import.meta.dirname', `(import.meta.dirname + '/${folder}')`)
      .replaceAll('import.meta.URL', 'import.meta.url');
  },
};

const llamaDist = fileURLToPath(new URL('.', import.meta.resolve('node-llama-cpp')));
const findsPackage = `import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const findPackage = (name) => pathToFileURL(createRequire(import.meta.resolve('node-llama-cpp')).resolve(name)).href;
`;

/**
 * node-llama-cpp finds its binaries, and the file that it runs to test one, from where it is installed: in the bundle, too.
 * What it needs to find a binary, to build one and for a download is apart from what a model that is loaded needs.
 */
const llama: Plugin = {
  name: 'node-llama-cpp',
  enforce: 'pre',
  // The downloader of models has binaries of its own, and nothing is used of it.
  resolveId: (source) => (source === 'ipull' ? { id: source, external: true, moduleSideEffects: false } : null),
  transform(code, id) {
    const file = resolve(id);
    if (!file.startsWith(llamaDist)) return null;
    const place = JSON.stringify(`./${relative(llamaDist, file).split(sep).join('/')}`);
    const moved = code
      .replaceAll('import.meta.url', `new URL(${place}, import.meta.resolve('node-llama-cpp')).href`)
      .replaceAll(/import\(("@node-llama-cpp\/[^"]+")\)/g, 'import(findPackage($1))')
      .replaceAll(
        /import \{ (getLlamaWithoutBackend|getGrammarsFolder) \} from ("[^"]+");/g,
        'const $1 = async (...given) => (await import($2)).$1(...given);',
      );
    return { code: moved.includes('findPackage(') ? findsPackage + moved : moved, moduleSideEffects: false };
  },
};

await build({
  root: join(dist, '..'),
  configFile: false,
  logLevel: 'warn',
  plugins: [places, llama],
  ssr: {
    target: 'node',
    noExternal: true,
    external: Object.keys(dependencies).filter((name) => !bundled.has(name)),
  },
  build: {
    ssr: true,
    target: 'node20',
    outDir,
    emptyOutDir: true,
    license: { fileName: licencesName },
    rolldownOptions: {
      input: Object.fromEntries([...nameOf].map(([path, name]) => [name, path])),
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', comments: false },
    },
  },
});

await completeLicences();

/** Some packages name their licence, and come without its text. */
async function completeLicences(): Promise<void> {
  const path = join(outDir, licencesName);
  const list = await readFile(path, 'utf8');
  const complete = list.replaceAll(/^## (\S+) - \S+ \(MIT\)\n(?=\s*(?:^## |$(?![^])))/gm, (heading, name: string) =>
    [heading, `Copyright (c) the authors of ${name}`, '', mitTerms, ''].join('\n'),
  );
  await writeFile(path, complete);
}
