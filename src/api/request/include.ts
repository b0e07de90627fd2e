import { z } from 'zod';
import type { PlainKind } from './kinds.ts';

/** What an answer includes where it is asked for. */
export const INCLUDE: PlainKind<readonly 'image_details'[]> = {
  expected: 'an array of image_details',
  schema: z.array(z.literal('image_details')),
};

/** Whether a request asks what became of its images. */
export function asksForImageDetails({ include = [] }: { readonly include?: readonly 'image_details'[] }): boolean {
  return include.includes('image_details');
}
