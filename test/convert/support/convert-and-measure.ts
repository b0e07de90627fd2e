import { convertCheckpoint } from '../../../src/convert/index.ts';
import type { Outtype } from '../../../src/convert/index.ts';

// Converts in a process of its own and prints the most memory that was resident, in bytes.
const [sourceDir = '', destinationDir = '', outtype = ''] = process.argv.slice(2);
await convertCheckpoint({
  sourceDir,
  destinationDir,
  outtype: outtype as Outtype,
  onProgress: () => undefined,
  signal: new AbortController().signal,
});
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
