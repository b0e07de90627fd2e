/** Runs named checks one after the other, prints a line for each, and ends with 1 if one has failed. */
export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok      ${name}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`failed  ${name}: ${String(error.message ?? error).split('\n')[0]}`);
    }
  }
}

export function require(condition, message) {
  if (!condition) throw new Error(message);
}
