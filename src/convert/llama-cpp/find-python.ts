import { z } from 'zod';
import { VserveError } from '../../errors/index.ts';
import { runCode, runPython } from './run-python.ts';

/** The modules that llama.cpp's converter imports (requirements-convert_hf_to_gguf.txt), with the packages they are in. */
const packages = {
  numpy: 'numpy',
  torch: 'torch',
  transformers: 'transformers',
  sentencepiece: 'sentencepiece',
  'google.protobuf': 'protobuf',
  yaml: 'pyyaml',
  tqdm: 'tqdm',
} as const;

const oldest = [3, 10] as const;

/** Looks for the modules without importing them: PyTorch alone would take seconds. */
const lookAround = runCode(`
import importlib.util, json
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
print(json.dumps({"version": sys.version_info[:3], "missing": [name for name in sys.argv if not has(name)]}))
`);

const answerSchema = z.object({
  version: z.tuple([z.number(), z.number(), z.number()]),
  missing: z.array(z.enum(Object.keys(packages) as (keyof typeof packages)[])),
});

/**
 * The command that starts a Python with what llama.cpp's converter needs: the one given, else `python3` or `python`.
 *
 * Throws `converter_unavailable`, which says what to install
 * Throws the signal's reason when it is aborted.
 */
export async function findPython(given: string | undefined, signal: AbortSignal): Promise<string> {
  const candidates = given === undefined ? ['python3', 'python'] : [given];
  let shortcoming: string | undefined;
  for (const python of candidates) {
    const { stdout, ended } = await runPython(python, lookAround, Object.keys(packages), signal);
    const answer = ended === 0 ? parseAnswer(stdout) : undefined;
    if (answer === undefined) continue;
    const { version, missing } = answer;
    const [major, minor] = version;
    const isTooOld = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
    if (!isTooOld && missing.length === 0) return python;
    const name = `${python} (Python ${version.join('.')})`;
    const names = missing.map((module) => packages[module]).join(' ');
    // What the first lacks, the second usually lacks too: it is the same Python.
    shortcoming ??= isTooOld
      ? `${name} is older than Python ${oldest.join('.')}.`
      : `${name} lacks packages. Install them: ${python} -m pip install ${names}`;
  }
  throw new VserveError('converter_unavailable', explain(candidates, shortcoming), { param: 'python' });
}

function parseAnswer(stdout: string): z.output<typeof answerSchema> | undefined {
  try {
    return answerSchema.parse(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

function explain(candidates: readonly string[], shortcoming: string | undefined): string {
  const what = `--converter llama.cpp runs llama.cpp's converter, a program in Python ${oldest.join('.')} or newer that needs ${Object.values(packages).join(', ')}.`;
  if (shortcoming !== undefined) return `${shortcoming}\n${what} Another Python is chosen with --python.`;
  return `${what} No Python could be started (tried ${candidates.join(', ')}). Install one, or give its path with --python.`;
}
