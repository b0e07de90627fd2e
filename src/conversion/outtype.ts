/** The types of weights that a converter writes, by the names of convert_hf_to_gguf.py; `auto` follows the checkpoint. */
export const outtypes = ['f32', 'f16', 'bf16', 'q8_0', 'auto'] as const;

export type Outtype = (typeof outtypes)[number];
export type FixedOuttype = Exclude<Outtype, 'auto'>;
