import loadWabt from 'wabt';

/** Compiles WebAssembly text, with SIMD. Throws if it is invalid. */
export async function compileWat(text: string): Promise<Uint8Array> {
  const wabt = await loadWabt();
  const module = wabt.parseWat('q8-0.wat', text, { simd: true, sat_float_to_int: true });
  try {
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
