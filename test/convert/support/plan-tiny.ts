import { join } from 'node:path';
import { planConversion } from '../../../src/convert/plan/plan-conversion.ts';
import type { ConversionPlan } from '../../../src/convert/plan/plan-conversion.ts';
import { referenceCheckpoints } from '../../reference/checkpoints.ts';
import { writeCheckpoint } from '../../reference/write-checkpoint.ts';
import { temporaryFolder } from './checkpoints.ts';

export type Json = Record<string, unknown>;

export interface TinyChanges {
  /** Files that stand in the place of the checkpoint's own, or beside them. */
  readonly files?: Readonly<Record<string, object | string | Buffer>>;
  /** Files that it lacks. */
  readonly without?: readonly string[];
  /** Which of its tensors it has. */
  readonly keeps?: (tensor: string) => boolean;
}

/** Writes a reference checkpoint with changes, its weights left out, and gives its folder. Throws for an unknown name. */
export async function tinyFolder(
  name: string,
  { files = {}, without = [], keeps = () => true }: TinyChanges = {},
): Promise<string> {
  const checkpoint = referenceCheckpoints[name]?.checkpoint;
  if (checkpoint === undefined) throw new Error(`There is no ${name}`);
  const kept = Object.entries({ ...checkpoint.files, ...files }).filter(([file]) => !without.includes(file));
  const shapes = new Map([...checkpoint.shapes].filter(([tensor]) => keeps(tensor)));
  const folder = join(await temporaryFolder(), name);
  await writeCheckpoint(folder, { ...checkpoint, files: Object.fromEntries(kept), shapes }, { withWeights: false });
  return folder;
}

/** Plans the conversion of such a checkpoint. */
export async function planTiny(name: string, changes?: TinyChanges): Promise<ConversionPlan> {
  return planConversion({ sourceDir: await tinyFolder(name, changes), outtype: 'auto', modelName: name });
}
