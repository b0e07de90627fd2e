import { Argument } from 'commander';
import type { Command } from 'commander';
import { bashScript } from './completion/bash.ts';
import { describeCommand } from './completion/command-shape.ts';
import { fishScript } from './completion/fish.ts';
import { zshScript } from './completion/zsh.ts';
import type { Context } from './context.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

const AFTER_HELP = `
To have it in every shell:
  echo 'eval "$(vserve completion bash)"' >> ~/.bashrc
  echo 'eval "$(vserve completion zsh)"' >> ~/.zshrc      # below compinit
  vserve completion fish > ~/.config/fish/completions/vserve.fish`;

/** Makes `command` the verb `completion`. `loadVerbs` gives the commands with all of their options. */
export function define(command: Command, { output }: Context, loadVerbs: () => Promise<readonly Command[]>): void {
  command.addArgument(new Argument('<shell>', 'The shell').choices(Object.keys(scripts)));
  command.addHelpText('after', AFTER_HELP);
  command.action(async (shell: keyof typeof scripts) => {
    const verbs = await loadVerbs();
    output.print(scripts[shell](verbs.map(describeCommand)));
  });
}
