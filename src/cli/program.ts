import { Command, Option } from 'commander';
import type { Context } from './context.ts';
import { loadSettings } from '../settings/index.ts';
import { helpStyle } from './help-style.ts';
import { logLevelOf } from './output.ts';
import { addSettingFlags, givenFlags } from './setting-flags.ts';
import { layoutColumns } from './terminal.ts';
import { version } from './version.ts';

/** The commands of all verbs, with their options. */
type LoadVerbs = () => Promise<readonly Command[]>;

/** A verb of the command line, with its module, which is loaded on demand. */
interface Verb {
  readonly name: string;
  readonly alias?: string;
  readonly summary: string;
  readonly load: () => Promise<{ define(command: Command, context: Context, loadVerbs: LoadVerbs): void }>;
}

const verbs: readonly Verb[] = [
  {
    name: 'serve',
    summary: 'Serve a model over the OpenAI API',
    load: () => import('./serve.ts'),
  },
  {
    name: 'generate',
    summary: 'Ask a model once, and print its answer',
    load: () => import('./generate.ts'),
  },
  {
    name: 'chat',
    summary: 'Talk with a model in the terminal',
    load: () => import('./chat.ts'),
  },
  {
    name: 'encode',
    summary: 'Print the embedding of a text',
    load: () => import('./encode.ts'),
  },
  {
    name: 'benchmark',
    summary: 'Measure a running server: throughput and latencies',
    load: () => import('./benchmark.ts'),
  },
  {
    name: 'pull',
    alias: 'warm-cache',
    summary: 'Download a model from the Hugging Face Hub, ready to serve',
    load: () => import('./pull.ts'),
  },
  {
    name: 'convert',
    summary: 'Convert a Hugging Face checkpoint to GGUF files',
    load: () => import('./convert.ts'),
  },
  {
    name: 'list',
    summary: 'List the models in the store',
    load: () => import('./list.ts'),
  },
  {
    name: 'show',
    summary: 'Show a model, and what converting it would give',
    load: () => import('./show.ts'),
  },
  {
    name: 'rm',
    summary: 'Remove models from the store',
    load: () => import('./rm.ts'),
  },
  {
    name: 'verify',
    summary: 'Check the files of the store against their hashes and repair them',
    load: () => import('./verify.ts'),
  },
  {
    name: 'gc',
    summary: 'Remove unused files from the store',
    load: () => import('./gc.ts'),
  },
  {
    name: 'ps',
    summary: 'List the running servers of this user',
    load: () => import('./ps.ts'),
  },
  {
    name: 'stop',
    summary: 'Stop running servers',
    load: () => import('./stop.ts'),
  },
  {
    name: 'doctor',
    summary: 'Check what vserve needs on this machine',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'completion',
    summary: 'Print what completes commands in a shell',
    load: () => import('./completion.ts'),
  },
];

/** The command line of vserve, ready to parse `args`. It throws a `CommanderError` instead of exiting. */
export async function buildProgram(args: readonly string[], context: Context): Promise<Command> {
  const program = new Command('vserve');
  program
    .description('Serves vision models from this machine over the OpenAI API.')
    .version(`vserve ${version}`, '--version', 'Print the version')
    .addHelpOption(new Option('-h, --help', 'Print this help').helpGroup('General:'))
    .helpCommand('help [command]', 'Print the help of a command')
    .configureHelp(helpStyle((title) => context.output.style('bold', title)))
    .configureOutput({
      outputError: () => undefined,
      getOutHelpWidth: () => layoutColumns(process.stdout),
      getErrHelpWidth: () => layoutColumns(process.stderr),
    })
    .exitOverride();
  addSettingFlags(program, ['logLevel']);
  program.hook('preAction', async (_, command) => {
    const { settings } = await loadSettings(['logLevel'], { flags: givenFlags(command) });
    context.output.level = logLevelOf(settings.logLevel);
    await context.output.prepare();
  });
  for (const verb of verbs) {
    const command = describeVerb(program.command(verb.name), verb);
    if (args.some((arg) => arg === verb.name || arg === verb.alias)) {
      (await verb.load()).define(command, context, () => loadVerbs(context));
    }
  }
  return program;
}

function describeVerb(command: Command, { alias, summary }: Verb): Command {
  command.summary(summary).description(`${summary}.`);
  return alias === undefined ? command : command.alias(alias);
}

function noVerbs(): Promise<readonly Command[]> {
  return Promise.resolve([]);
}

async function loadVerbs(context: Context): Promise<readonly Command[]> {
  return Promise.all(
    verbs.map(async (verb) => {
      const command = describeVerb(new Command(verb.name), verb);
      (await verb.load()).define(command, context, noVerbs);
      return command;
    }),
  );
}

/** The arguments to parse. Commander would print the help for an unknown verb too, which is an error. */
export function checkedArguments(program: Command, args: readonly string[]): readonly string[] {
  const { operands, unknown } = program.parseOptions([...args]);
  const isHelp = operands[0] === 'help';
  const verb = isHelp ? (operands[1] ?? unknown[0]) : operands[0];
  if (verb === undefined || verb.startsWith('-') || verb === 'help') return args;
  const isKnown = program.commands.some((command) => command.name() === verb || command.aliases().includes(verb));
  return isKnown ? args : [verb];
}
