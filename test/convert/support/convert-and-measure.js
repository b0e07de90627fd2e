// Converts in a process of its own and prints the most memory that was resident, in bytes.
import { convertCheckpoint } from '../../../dist/src/convert/index.js';

const [sourceDir, destinationDir, outtype] = process.argv.slice(2);
await convertCheckpoint({
  sourceDir,
  destinationDir,
  outtype,
  onProgress: () => undefined,
  signal: new AbortController().signal,
});
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
