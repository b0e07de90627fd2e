const specialTexts = new Set(['<pad>', '<mask>', '<2mass>', '[@BOS@]']);
const specialShape = /^(?:<\|.*\|>|<｜.*｜>|<unused.*>)$/s;

/**
 * Whether an added token is a control token although its checkpoint does not mark it as special, by its text: the list
 * of convert_hf_to_gguf.py (`does_token_look_special`).
 */
export function looksSpecial(token: string): boolean {
  return specialTexts.has(token) || specialShape.test(token);
}
