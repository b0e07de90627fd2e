/**
 * The chat templates that are held against transformers: real ones, which llama.cpp's repository collects, out of
 * node-llama-cpp's git bundle, and those of the tiny checkpoints. Run as a program, it prints them as
 * render-chat-templates.py reads them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundledSource } from '../../backends/node-llama-cpp/installation.ts';
import { familyTemplates } from '../engine/family-templates.ts';

export interface ReferenceTemplate {
  readonly source: string;
  /** What it writes for an image; empty where it knows none. */
  readonly slot: string;
}

const folder = 'models/templates';

const slots = ['<|image_pad|>', '<|image|>', '<image_soft_token>', '<image>', '[IMG]', '<|IMAGE_PLACEHOLDER|>'];
const moreSlots = ['<IMG_CONTEXT>', '<|media_pad|>', '<|begin_of_image|>', '<REKA_IMG_TOKEN>'];

/** A day is written by both sides as the same one. */
function withoutDate(source: string): string {
  return source.replaceAll(/strftime_now\(("[^"]*"|'[^']*')\)/g, "'26 Jul 2024'");
}

function reference(source: string): ReferenceTemplate {
  return { source: withoutDate(source), slot: [...slots, ...moreSlots].find((slot) => source.includes(slot)) ?? '' };
}

function git(...args: readonly string[]): void {
  execFileSync('git', args, { stdio: 'pipe' });
}

/** By name. */
export function referenceTemplates(): Record<string, ReferenceTemplate> {
  const clone = mkdtempSync(join(tmpdir(), 'vserve-templates-'));
  try {
    git('clone', '--quiet', '--no-checkout', bundledSource().bundlePath, clone);
    git('-C', clone, 'checkout', 'HEAD', '--', folder);
    const names = readdirSync(join(clone, folder)).filter((name) => name.endsWith('.jinja'));
    return Object.fromEntries([
      ...Object.entries(familyTemplates).map(([name, { template }]) => [name, reference(template)]),
      ...names
        .toSorted()
        .map((name) => [name.replace('.jinja', ''), reference(readFileSync(join(clone, folder, name), 'utf8'))]),
    ]) as Record<string, ReferenceTemplate>;
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(referenceTemplates()));
