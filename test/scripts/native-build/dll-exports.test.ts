import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dllExports, importDefinition } from '../../../scripts/native-build/dll-exports.ts';
import { writeImportDefinitions } from '../../../scripts/native-build/import-definitions.ts';

const SECTION_BYTES = 0x200;
const code = { address: 0x1000, characteristics: 0x6000_0020 };
const data = { address: 0x2000, characteristics: 0xc000_0040 };
const exportsOf = { address: 0x3000, characteristics: 0x4000_0040 };
const sections = [code, data, exportsOf];

/** A 64-bit DLL of three sections, with these names at these addresses. The table of names has another order than that of addresses. */
function dllWith(exported: Readonly<Record<string, number>>): Buffer {
  const file = Buffer.alloc(SECTION_BYTES * (sections.length + 1));
  const header = 0x80;
  file.writeUInt32LE(header, 0x3c);
  file.write('PE\0\0', header, 'latin1');
  file.writeUInt16LE(0x8664, header + 4);
  file.writeUInt16LE(sections.length, header + 6);
  file.writeUInt16LE(0xf0, header + 20);
  file.writeUInt16LE(0x20b, header + 24);
  file.writeUInt32LE(exportsOf.address, header + 24 + 112);
  for (const [i, { address, characteristics }] of sections.entries()) {
    const at = header + 24 + 0xf0 + i * 40;
    [SECTION_BYTES, address, SECTION_BYTES, SECTION_BYTES * (i + 1)].forEach((value, field) =>
      file.writeUInt32LE(value, at + 8 + field * 4),
    );
    file.writeUInt32LE(characteristics, at + 36);
  }
  const table = SECTION_BYTES * 3;
  const names = Object.entries(exported);
  const [addresses, pointers, ordinals] = [40, 40 + names.length * 4, 40 + names.length * 8];
  file.writeUInt32LE(names.length, table + 24);
  [addresses, pointers, ordinals].forEach((offset, i) =>
    file.writeUInt32LE(exportsOf.address + offset, table + 28 + i * 4),
  );
  let end = ordinals + names.length * 2;
  for (const [i, [name, address]] of names.entries()) {
    const ordinal = names.length - 1 - i;
    file.writeUInt32LE(address, table + addresses + ordinal * 4);
    file.writeUInt16LE(ordinal, table + ordinals + i * 2);
    file.writeUInt32LE(exportsOf.address + end, table + pointers + i * 4);
    end += file.write(`${name}\0`, table + end, 'latin1');
  }
  return file;
}

const mangled = '?dev_layer@llama_model@@QEBAPEAUggml_backend_device@@H@Z';
const dll = dllWith({ llama_decode: 0x1010, [mangled]: 0x1020, llama_table: 0x2008 });

test('a DLL’s exports are read, and which of them are variables', () => {
  expect(dllExports(dll)).toEqual([
    { name: 'llama_decode', isData: false },
    { name: mangled, isData: false },
    { name: 'llama_table', isData: true },
  ]);
});

test('a linker is told of variables as such', () => {
  expect(importDefinition('llama.dll', dllExports(dll))).toBe(
    `LIBRARY "llama.dll"\nEXPORTS\n  llama_decode\n  ${mangled}\n  llama_table DATA\n`,
  );
});

test('what is no 64-bit DLL is refused', () => {
  expect(() => dllExports(Buffer.alloc(1024))).toThrow('not a 64-bit DLL');
});

test('the libraries that the addon calls get a definition each, those of the processors none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vserve-dlls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const names = [
    'llama.dll',
    'llama-common.dll',
    'ggml.dll',
    'ggml-base.dll',
    'ggml-cpu-haswell.dll',
    'ggml-vulkan.dll',
  ];
  for (const name of [...names, 'llama-addon.node']) await writeFile(join(folder, name), dll);
  writeImportDefinitions([{ name: 'win-x64', libraryDir: folder }], join(folder, 'definitions'));
  const written = join(folder, 'definitions', 'win-x64');
  expect((await readdir(written)).toSorted()).toEqual(['ggml-base.def', 'ggml.def', 'llama-common.def', 'llama.def']);
  expect(await readFile(join(written, 'ggml-base.def'), 'utf8')).toMatch(/^LIBRARY "ggml-base\.dll"\n/);
});
