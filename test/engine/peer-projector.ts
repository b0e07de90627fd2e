import { readFile, writeFile } from 'node:fs/promises';

/** By projector type, the flag that llama.cpp alone would need in the file to compute as the engine's patches let it. */
const flags: Readonly<Record<string, string>> = {
  gemma4v: 'clip.use_gelu',
};

/** Magic, version, and the numbers of tensors and key-values: the first key-value stands behind them. */
const preambleBytes = 24;
const keyValueCountAt = 16;
const stringType = 8;
const boolType = 7;
const alignment = 32;

/** A projector that llama-server computes as the engine does: itself, or a copy beside it with a flag more. */
export async function peerProjector(mmprojPath: string, projectorType: string): Promise<string> {
  const flag = flags[projectorType];
  if (flag === undefined) return mmprojPath;
  const path = mmprojPath.replace(/\.gguf$/, '-peer.gguf');
  await writeFile(path, withFlag(await readFile(mmprojPath), flag));
  return path;
}

/** A GGUF file with a flag that is true, and with a comment of such a length that the tensors stay aligned. */
function withFlag(gguf: Buffer, flag: string): Buffer {
  const set = Buffer.concat([text(flag), uint32(boolType), Buffer.from([1])]);
  const commentKey = Buffer.concat([text('general.comment'), uint32(stringType)]);
  const taken = set.length + commentKey.length + text('').length;
  const comment = text(' '.repeat(Math.ceil(taken / alignment) * alignment - taken));
  const preamble = Buffer.from(gguf.subarray(0, preambleBytes));
  preamble.writeBigUInt64LE(preamble.readBigUInt64LE(keyValueCountAt) + 2n, keyValueCountAt);
  return Buffer.concat([preamble, set, commentKey, comment, gguf.subarray(preambleBytes)]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([length, Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
