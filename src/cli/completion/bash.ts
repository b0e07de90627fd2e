import type { CommandShape, OptionShape } from './command-shape.ts';

/** A script for bash that completes verbs, options, and the values of options. */
export function bashScript(commands: readonly CommandShape[]): string {
  const verbs = commands.flatMap(({ names }) => names);
  const options = uniqueOptions(commands);
  const withFiles = options.filter(({ value }) => value?.isFile === true && value.words.length === 0);
  const withText = options.filter(({ value }) => value?.isFile === false && value.words.length === 0);
  const withWords = options.filter(({ value }) => (value?.words.length ?? 0) > 0);
  return `# Completes vserve in bash: eval "$(vserve completion bash)"
_vserve() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} verb= flags= word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${verbs.join('|')}) verb=$word; break;; esac
  done
  case $previous in
${withWords.map(({ flag, value }) => `    ${flag}) COMPREPLY=($(compgen -W ${quoted(value?.words ?? [])} -- "$current")); return;;`).join('\n')}
    ${pattern(withFiles)}) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return;;
    ${pattern(withText)}) return;;
  esac
  case $verb in
${commands.map(({ names, options: own }) => `    ${names.join('|')}) flags=${quoted(own.map(({ flag }) => flag))};;`).join('\n')}
    *) COMPREPLY=($(compgen -W ${quoted([...verbs, 'help', '--help', '--version'])} -- "$current")); return;;
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current"));;
    *)
      compopt -o filenames
      COMPREPLY=($(compgen -f -- "$current"))
      ;;
  esac
}
complete -F _vserve vserve`;
}

function uniqueOptions(commands: readonly CommandShape[]): readonly OptionShape[] {
  const byFlag = new Map(commands.flatMap(({ options }) => options.map((option) => [option.flag, option] as const)));
  return [...byFlag.values()];
}

/** Flags and values are words of letters, digits and a few marks, none of which means anything to a shell. */
function quoted(words: readonly string[]): string {
  return `'${words.join(' ')}'`;
}

function pattern(options: readonly OptionShape[]): string {
  return options.map(({ flag }) => flag).join('|');
}
