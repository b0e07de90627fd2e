import { mergeAdapter } from '../adapters/merge-adapter.ts';
import { findDeclarations } from '../architectures/index.ts';
import type { GgufDeclaration } from '../architectures/architecture.ts';
import { unfollowedKey } from '../../gguf/generation-metadata.ts';
import { withAssumptions } from '../checkpoint/assumptions.ts';
import { CheckpointFolder } from '../checkpoint/checkpoint-folder.ts';
import { readTensors } from '../checkpoint/read-tensors.ts';
import { refuseAdapted } from '../checkpoint/refuse-adapted.ts';
import { tokenIdWarnings } from '../checkpoint/token-ids.ts';
import { layOut } from '../gguf/layout.ts';
import { KeyValues, string, uint32 } from '../gguf/key-values.ts';
import { writeGeneralMetadata } from '../metadata/general-metadata.ts';
import { writeGenerationSettings } from '../metadata/generation-settings.ts';
import { countParameters } from '../metadata/size-label.ts';
import { outtypeTraits } from '../outtype.ts';
import type { FixedOuttype, Outtype } from '../outtype.ts';
import { pairScales } from '../scales/pair-scales.ts';
import { readQuantization } from '../scales/quantization.ts';
import { chatTemplateWarnings } from '../tokenizers/chat-template.ts';
import type { TensorMove } from './tensor-move.ts';
import { claimTensors, resolveOuttype } from './claim-tensors.ts';
import type { Claim } from './claim-tensors.ts';
import { describeTargets, movesOf } from './plan-tensors.ts';

export type OutputFile = 'model.gguf' | 'mmproj.gguf';

export interface PlanOptions {
  readonly sourceDir: string;
  readonly outtype: Outtype;
  /** The type of the mmproj, if different from the model's. */
  readonly mmprojOuttype?: Outtype | undefined;
  /** Replaces the folder's name in the descriptive metadata. */
  readonly modelName?: string | undefined;
}

/** A file to be written: its bytes before the tensors' data, then where each tensor's data comes from. */
export interface FilePlan {
  readonly file: OutputFile;
  readonly header: Uint8Array<ArrayBuffer>;
  readonly byteLength: number;
  readonly moves: readonly TensorMove[];
  /** About settings that are not followed. */
  readonly warnings: readonly string[];
}

/** Everything about a conversion that can be known without reading a tensor. Plain data, so that threads can pass it. */
export interface ConversionPlan {
  /** The name in config.json that chose the rules. */
  readonly architecture: string;
  /** The output type of `model.gguf`: what `auto` became. */
  readonly outtype: FixedOuttype;
  readonly files: readonly FilePlan[];
  /** Warnings about parts that convert but will not work. */
  readonly warnings: readonly string[];
}

const quantizationVersion = 2; // GGML_QNT_VERSION

/**
 * Plans the conversion of a checkpoint: reads its configuration, tokenizer and the headers of its shards, and checks
 * them against one another. Writes nothing.
 *
 * Throws `checkpoint_invalid`, `safetensors_invalid`, `shard_missing`, `architecture_unsupported`,
 *   `tokenizer_unsupported`, `tensor_unclaimed`, `tensor_missing`, `tensor_invalid`.
 */
export async function planConversion(options: PlanOptions): Promise<ConversionPlan> {
  const folder = new CheckpointFolder(options.sourceDir);
  const config = await folder.json('config.json');
  const quantization = await readQuantization(folder, config);
  const { architecture, text, vision } = await findDeclarations(config);
  const found = await readTensors(folder);
  refuseAdapted(found);
  const tensors = quantization === undefined ? found : pairScales(found, quantization);
  const checkpoint = { folder, config, tensorNames: tensors.map(({ name }) => name) };
  const { result: model, assumptions } = await withAssumptions(() => text(checkpoint));
  const projected = vision && (await withAssumptions(() => vision(checkpoint)));
  const projector = projected?.result;
  const merged = await mergeAdapter(folder, tensors, [model, ...(projector === undefined ? [] : [projector])]);
  const [modelTensors = [], projectorTensors = []] = claimTensors(merged, [
    { declaration: model, assumptions },
    ...(projected === undefined ? [] : [{ declaration: projected.result, assumptions: projected.assumptions }]),
  ]);
  const outtype = resolveOuttype(options.outtype, modelTensors);
  const files = [await planFile('model.gguf', model, modelTensors, outtype, folder, options.modelName)];
  if (projector !== undefined) {
    const projectorOuttype = resolveOuttype(options.mmprojOuttype ?? options.outtype, projectorTensors);
    files.push(await planFile('mmproj.gguf', projector, projectorTensors, projectorOuttype, folder, options.modelName));
  }
  const [embeddingRows = 0] =
    modelTensors.flatMap(({ rule }) => rule.targets).find(({ name }) => name === 'token_embd.weight')?.shape ?? [];
  const warnings = [
    ...(model.chatTemplate === undefined ? await chatTemplateWarnings(folder) : []),
    ...(projector === undefined ? [] : tokenIdWarnings(config, embeddingRows)),
    ...files.flatMap((file) => file.warnings),
  ];
  return { architecture, outtype, files, warnings };
}

async function planFile(
  file: OutputFile,
  declaration: GgufDeclaration,
  claims: readonly Claim[],
  outtype: FixedOuttype,
  folder: CheckpointFolder,
  modelName: string | undefined,
): Promise<FilePlan> {
  const tensors = describeTargets(claims, outtype);
  const generated = (declaration.generated ?? []).map((tensor) => {
    const values = tensor.values();
    return { name: tensor.name, shape: [values.length], type: 'F32' as const, values };
  });
  const { chatTemplate } = declaration;
  const keyValues = new KeyValues()
    .set('general.architecture', string(declaration.architecture))
    .set('tokenizer.chat_template', chatTemplate === undefined ? undefined : string(chatTemplate))
    .set('general.type', string(file === 'model.gguf' ? 'model' : 'mmproj'));
  await writeGeneralMetadata(keyValues, folder, countParameters([...generated, ...tensors]), modelName);
  declaration.writeParameters(keyValues, outtypeTraits[outtype].fileType);
  const own = declaration.warnings ?? [];
  keyValues.set(unfollowedKey, string(own.join('\n')));
  keyValues.set('general.quantization_version', uint32(quantizationVersion));
  await declaration.writeTokenizer?.(keyValues);
  const generation = file === 'model.gguf' ? await writeGenerationSettings(keyValues, folder) : [];
  const warnings = [...own, ...generation];
  // To be told again whenever the model is loaded.
  keyValues.set(unfollowedKey, string(warnings.join('\n')));

  const { header, offsets, byteLength } = layOut(keyValues, generated, tensors);
  return { file, header, byteLength, moves: movesOf(claims, tensors, offsets), warnings };
}
