import { z } from 'zod';

/** What a server writes into its file. */
export const entrySchema = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  /** When the process began, by its own clock: tells it from a later process with the same id. */
  processStart: z.string().optional(),
  /** The process that would start it again after a crash. */
  supervisor: z.number().int().positive().optional(),
  model: z.string(),
  urls: z.array(z.string()),
  state: z.enum(['loading', 'ready', 'stopping']),
  version: z.string(),
  startedAt: z.iso.datetime(),
});

/** A server of this user, as `vserve ps` lists it. */
export type ServerEntry = Readonly<z.infer<typeof entrySchema>>;
