/** What is needed of WebAssembly's API, which neither Node's types nor the configured libraries of TypeScript describe. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}
export type WasmModule = object;

declare const WebAssembly: {
  readonly Memory: abstract new (...args: never) => WasmMemory;
  readonly Instance: new (module: WasmModule, imports: Imports) => WasmInstance;
  readonly compile: (bytes: Uint8Array) => Promise<WasmModule>;
};

const PAGE_BYTES = 65_536;

/** Compiles a module once: instances of it are cheap. */
export function compileWasm(bytes: Uint8Array): Promise<WasmModule> {
  return WebAssembly.compile(bytes);
}

/** Emscripten's hook for whoever instantiates a module. */
export type InstantiateWasm = (
  imports: Imports,
  receive: (instance: WasmInstance, module: WasmModule) => void,
) => Readonly<Record<string, unknown>>;

/**
 * Instantiates a module with a memory that cannot grow beyond `maxBytes`: allocating more fails in it as if the machine
 * had no more. Emscripten's programs grow their memory through this object alone.
 */
export function limitedTo(module: WasmModule, maxBytes: number): InstantiateWasm {
  return (imports, receive) => {
    const instance = new WebAssembly.Instance(module, imports);
    const values = [
      ...Object.values(instance.exports),
      ...Object.values(imports).flatMap((part) => Object.values(part)),
    ];
    for (const value of values) if (value instanceof WebAssembly.Memory) limitGrowth(value, maxBytes);
    receive(instance, module);
    return instance.exports;
  };
}

function limitGrowth(memory: WasmMemory, maxBytes: number): void {
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE_BYTES > maxBytes)
      throw new RangeError('The memory of the module is full.');
    return grow(pages);
  };
}
