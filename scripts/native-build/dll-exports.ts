/** A name that a DLL exports. */
export interface DllExport {
  readonly name: string;
  /** A variable, not a function: its address is imported. */
  readonly isData: boolean;
}

const DIRECTORIES = 112; // in the optional header of a 64-bit file
const SECTION_BYTES = 40;
const EXECUTABLE = 0x2000_0000;

/** The names that a 64-bit DLL exports, in their order. Throws for a file that is none. */
export function dllExports(file: Buffer): DllExport[] {
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0' || file.readUInt16LE(optional) !== 0x20b) {
    throw new Error('not a 64-bit DLL');
  }
  const sections = sectionsOf(file, header);
  const offsetOf = (address: number): number => {
    const section = sectionAt(sections, address);
    if (section === undefined) throw new Error(`the DLL has no section at ${address}`);
    return address - section.address + section.offset;
  };
  const directoryAddress = file.readUInt32LE(optional + DIRECTORIES);
  if (directoryAddress === 0) return [];
  const directory = offsetOf(directoryAddress);
  const count = file.readUInt32LE(directory + 24);
  const [addresses, names, ordinals] = [28, 32, 36].map((field) => offsetOf(file.readUInt32LE(directory + field)));
  return Array.from({ length: count }, (_, i) => {
    const name = offsetOf(file.readUInt32LE((names ?? 0) + i * 4));
    const ordinal = file.readUInt16LE((ordinals ?? 0) + i * 2);
    const section = sectionAt(sections, file.readUInt32LE((addresses ?? 0) + ordinal * 4));
    return { name: file.toString('latin1', name, file.indexOf(0, name)), isData: section?.isExecutable === false };
  });
}

/** The module definition that an import library is made of: what a linker has to know of a DLL. */
export function importDefinition(dllName: string, exports: readonly DllExport[]): string {
  const lines = exports.map(({ name, isData }) => `  ${name}${isData ? ' DATA' : ''}`);
  return `LIBRARY "${dllName}"\nEXPORTS\n${lines.join('\n')}\n`;
}

interface Section {
  /** In memory, from the beginning of the DLL. */
  readonly address: number;
  readonly length: number;
  /** In the file. */
  readonly offset: number;
  readonly isExecutable: boolean;
}

function sectionsOf(file: Buffer, header: number): Section[] {
  const first = header + 24 + file.readUInt16LE(header + 20);
  return Array.from({ length: file.readUInt16LE(header + 6) }, (_, i) => {
    const at = first + i * SECTION_BYTES;
    return {
      address: file.readUInt32LE(at + 12),
      length: Math.max(file.readUInt32LE(at + 8), file.readUInt32LE(at + 16)),
      offset: file.readUInt32LE(at + 20),
      isExecutable: (file.readUInt32LE(at + 36) & EXECUTABLE) !== 0,
    };
  });
}

function sectionAt(sections: readonly Section[], address: number): Section | undefined {
  return sections.find((section) => address >= section.address && address < section.address + section.length);
}
